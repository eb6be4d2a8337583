"""A real Vendure shop on loopback: installed by npm, its database in memory, filled by its APIs.

The database is SQLite in WebAssembly, so that nothing is compiled. Orders are placed as a buyer
places them, through the Shop API.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossdock.errors import TryLater
from crossdock.real.installing import cached, program, run
from crossdock.real.process import ask, serving

VERSION = "3.7.3"
USER = "superadmin"
PACKAGE = {
    "name": "crossdock-throwaway-shop",
    "version": "0.0.0",
    "private": True,
    "dependencies": {"@vendure/core": VERSION, "sql.js": "1.14.1"},
    # a release that a dependency asks for is not in every registry
    "overrides": {"@graphql-tools/batch-execute": "10.2.0"},
}
_NO = "... on ErrorResult { errorCode message }"


def install() -> Path:
    """Install the server, once a machine; raises Misconfigured without Node, TryLater."""
    npm = program("npm", "install Node 20 or later, or leave the real servers out")
    recipe = json.dumps(PACKAGE)

    def make(folder: Path) -> None:
        (folder / "package.json").write_text(recipe, encoding="utf-8")
        run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"], folder)

    return cached("vendure", recipe, make)


@dataclass
class Shop:
    """A running shop; ``url`` is without the name of an API."""

    url: str
    password: str = field(repr=False)
    _token: str = field(default="", repr=False)

    def variables(self) -> dict[str, str]:
        """Name what config/systems/vendure.yaml reads."""
        return {
            "VENDURE_URL": f"{self.url}/admin-api",
            "VENDURE_USER": USER,
            "VENDURE_PASSWORD": self.password,
        }

    def admin(self, text: str, **variables: Any) -> Any:
        """Send an operation as the administrator; gives its data. Raises TryLater."""
        if not self._token:
            login = f"mutation($u: String!, $p: String!) {{ login(username: $u, password: $p) {{ __typename {_NO} }} }}"  # noqa: E501
            body = {"query": login, "variables": {"u": USER, "p": self.password}}
            _, headers = ask(f"{self.url}/admin-api", body, {})
            self._token = headers["vendure-auth-token"]
        return self._data("admin-api", text, variables, self._token)[0]

    def _data(
        self, api: str, text: str, variables: Mapping[str, Any], token: str
    ) -> tuple[Any, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = {"query": text, "variables": variables}
        said, got = ask(f"{self.url}/{api}", body, headers)
        words = said.get("errors") or [
            value for value in said["data"].values()
            if isinstance(value, dict) and value.get("errorCode")
        ]  # fmt: skip
        if words:
            raise TryLater(f"the shop says no: {words[0].get('message')}", where=text[:80])
        return said["data"], got.get("vendure-auth-token") or token

    def sell_in_euros(self) -> None:
        """Make the euro the currency of the default channel."""
        self.admin(f"""mutation {{ updateChannel(input: {{ id: "1", defaultCurrencyCode: EUR,
            availableCurrencyCodes: [EUR] }}) {{ __typename {_NO} }} }}""")

    def offer(self, sku: str, name: str, cents: int, stock: int) -> str:
        """Put an article on sale; gives the id of its variant."""
        words = [{"languageCode": "en", "name": name}]
        page = [{**words[0], "slug": sku.lower(), "description": name}]
        product = self.admin(
            "mutation($i: CreateProductInput!) { createProduct(input: $i) { id } }",
            i={"enabled": True, "translations": page},
        )["createProduct"]
        variant = {"productId": product["id"], "sku": sku, "price": cents, "stockOnHand": stock,
                   "trackInventory": "TRUE", "translations": words}  # fmt: skip
        made = self.admin(
            "mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) { id } }",  # noqa: E501
            i=[variant],
        )
        return str(made["createProductVariants"][0]["id"])

    def buy(self, buyer: Mapping[str, str], basket: Sequence[tuple[str, int]]) -> str:
        """Place and pay an order as a buyer; ``basket`` is (variant, pieces). Gives its code."""
        token = ""

        def step(text: str, **variables: Any) -> Any:
            nonlocal token
            data, token = self._data("shop-api", f"mutation{text}", variables, token)
            return next(iter(data.values()))

        for variant, pieces in basket:
            step(f"($v: ID!, $q: Int!) {{ addItemToOrder(productVariantId: $v, quantity: $q) {{ __typename {_NO} }} }}",  # noqa: E501
                 v=variant, q=pieces)  # fmt: skip
        person = {name: buyer[name] for name in ("firstName", "lastName", "emailAddress")}
        step(f"($i: CreateCustomerInput!) {{ setCustomerForOrder(input: $i) {{ __typename {_NO} }} }}", i=person)  # noqa: E501
        place = {"fullName": f"{buyer['firstName']} {buyer['lastName']}", "countryCode": "DE"}
        place |= {name: buyer[name] for name in ("streetLine1", "postalCode", "city")}
        step(f"($i: CreateAddressInput!) {{ setOrderShippingAddress(input: $i) {{ __typename {_NO} }} }}", i=place)  # noqa: E501
        step(f'{{ setOrderShippingMethod(shippingMethodId: ["1"]) {{ __typename {_NO} }} }}')
        step(f'{{ transitionOrderToState(state: "ArrangingPayment") {{ __typename {_NO} }} }}')
        order = step(f'{{ addPaymentToOrder(input: {{ method: "card", metadata: {{}} }}) {{ __typename ... on Order {{ code }} {_NO} }} }}')  # noqa: E501
        return str(order["code"])

    def ship(self, code: str, tracking: str) -> None:
        """Ship everything of an order, as somebody in the shop would."""
        found = self.admin(
            "query($c: String!) { orders(options: { filter: { code: { eq: $c } } }) { items { lines { id quantity } } } }",  # noqa: E501
            c=code,
        )["orders"]["items"][0]
        lines = [{"orderLineId": one["id"], "quantity": one["quantity"]} for one in found["lines"]]
        words = [{"name": "method", "value": "Parcel"}, {"name": "trackingCode", "value": tracking}]
        handler = {"code": "manual-fulfillment", "arguments": words}
        made = self.admin(
            f"mutation($i: FulfillOrderInput!) {{ addFulfillmentToOrder(input: $i) {{ ... on Fulfillment {{ id }} {_NO} }} }}",  # noqa: E501
            i={"lines": lines, "handler": handler},
        )
        self.admin(
            f'mutation($f: ID!) {{ transitionFulfillmentToState(id: $f, state: "Shipped") {{ __typename {_NO} }} }}',  # noqa: E501
            f=made["addFulfillmentToOrder"]["id"],
        )


@contextlib.contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """Run a shop until the block ends; its log is in ``folder``.

    Raises Misconfigured without Node, TryLater when it cannot be installed or does not start.
    """
    installed = install()
    server = installed / "server.js"
    source = Path(__file__).with_name("vendure_server.js").read_bytes()
    if not server.exists() or server.read_bytes() != source:
        new = installed / f"server-{secrets.token_hex(4)}.js"
        new.write_bytes(source)
        new.replace(server)
    password = secrets.token_urlsafe(12)
    environment = {
        **os.environ,
        "SHOP_USER": USER,
        "SHOP_PASSWORD": password,
        "VENDURE_DISABLE_TELEMETRY": "true",
        "NODE_ENV": "development",
    }
    node = program("node", "install Node 20 or later")
    words = [node, "--max-old-space-size=512", str(server)]
    with serving(words, folder / "vendure.log", "ready ", environment) as url:
        running = Shop(url, password)
        running.sell_in_euros()
        yield running
