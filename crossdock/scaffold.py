"""``crossdock connector new``: connector, system, mappings, sandbox and a test that pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from crossdock.errors import Misconfigured
from crossdock.home import Home

_CONNECTOR = '''"""@Title@: products out, stock in.

https://developers.@name@.example/api
"""

from __future__ import annotations

from crossdock import Reads, Verified, Writes, secret, setting
from crossdock.auth import Auth, header_key
from crossdock.rest import RestApi


class @Title@(RestApi):
    """One account at @Title@."""

    kind = "@name@"
    versions = (Verified("1", "documents only"),)

    url: str = setting("What all paths begin with", example="https://api.@name@.example/v1")
    token: str = secret("API key with the rights records.read and records.write")

    products = Reads(
        "products",
        key=("id",),
        records="items",
        cursor="updated_at",
        grain="second",
        overlap=60.0,
        order="oldest_first",
        right="records.read",
        options={
            "path": "products",
            "since": "updated_since",
            "paging": {"kind": "next_url", "path": "next", "size": {"limit": 50}},
        },
    )
    stock = Writes(
        "stock",
        key=("number",),
        delivery="upsert",
        right="records.write",
        options={
            "path": "stock/{number}",
            "method": "PUT",
            "their_id": "id",
            "lookup": {"path": "stock/{number}"},
        },
    )

    def address(self) -> str:
        """Give ``url``."""
        return self.url

    def credentials(self) -> Auth:
        """Send the key."""
        return header_key("Authorization: Bearer", self.token)
'''

_STAND = '''"""A sandbox of @Title@, and the stand on which the kit drives the connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from crossdock.testing.hostile import Hostile
from crossdock.testing.stands.rest import HostileStand


class @Title@Sandbox(Hostile):
    """Plays @Title@: its paths lead to feeds and targets of the hostile system.

    Where the real one does something else, override ``_answer``: a sandbox that enforces less
    than the vendor proves nothing.
    """

    routes: ClassVar[Mapping[str, str]] = {"products": "changes"}


class @Title@Stand(HostileStand):
    """The connector on its sandbox."""

    sandbox = @Title@Sandbox
    throttles = ("429", "429_date")

    def settings(self) -> Mapping[str, Any]:
        """Give settings that work."""
        return {"url": self.hostile.url, "token": self.hostile.key}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """The class declares them all."""
        return {}

    def wrong(self) -> Mapping[str, Any]:
        """Give a key that nobody knows."""
        return {"token": "wrong-api-key"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give an address where nobody is."""
        return {"url": "http://127.0.0.1:9"}

    def without_right(self) -> tuple[Mapping[str, Any], str]:
        """Give a key that may not read."""
        return {"token": self.hostile.blind_key}, "records.read"
'''

_TEST = '''"""The connector @name@, by the acceptance kit."""

from crossdock.testing import suite_of

Test@Title@ = suite_of("@name@", __file__)
'''

_SYSTEM = """about: An account at @Title@.
connector: @name@
settings:
  url: https://api.@name@.example/v1
  token: {env: @NAME@_TOKEN}
"""

_MAPPING_IN = """about: Products of @Title@, as its list gives them.
from: @name@.products
to: product
fields:
  id: id
  name: {path: name, as: trimmed}
  kind: {constant: product}
  status: status
  unit: {constant: C62}
  source_updated_at: {path: updated_at, as: instant}
examples: [examples/product.yaml]
"""

_EXAMPLE_IN = """- name: a product
  given: {id: R1, name: "Bolt ", status: active, updated_at: "2026-01-05T08:00:00Z"}
  expect: {id: R1, name: Bolt, kind: product, status: active, unit: C62, source_updated_at: "2026-01-05T08:00:00Z"}
- name: what no pair names is kept
  given: {id: R2, name: Nut, status: active, updated_at: "2026-01-05T08:00:00Z", colour: red}
  expect: {id: R2, name: Nut, kind: product, status: active, unit: C62, source_updated_at: "2026-01-05T08:00:00Z", extension: {colour: red}}
"""  # noqa: E501 - an example is a line

_MAPPING_OUT = """about: Stock for @Title@, a whole number of pieces.
from: stock_level
to: @name@.stock
fields:
  number: product_id
  quantity: {path: on_hand, as: plain, required: true}
examples: [examples/stock_level.yaml]
"""

_EXAMPLE_OUT = """- name: what is on hand
  given: {id: 85123A@main, product_id: 85123A, on_hand: 120, unit: C62}
  expect: {number: 85123A, quantity: "120"}
- name: no quantity is no zero
  given: {id: 85123A@main, product_id: 85123A}
  faults: [{path: on_hand, rule: required}]
"""

FILES = {
    "connectors/@name@.py": _CONNECTOR,
    "connectors/stands/@name@.py": _STAND,
    "tests/connectors/test_@name@.py": _TEST,
    "config/systems/@name@.yaml": _SYSTEM,
    "mappings/@name@/product.yaml": _MAPPING_IN,
    "mappings/@name@/examples/product.yaml": _EXAMPLE_IN,
    "mappings/@name@/stock_level.yaml": _MAPPING_OUT,
    "mappings/@name@/examples/stock_level.yaml": _EXAMPLE_OUT,
}


def write(home: Home, name: str) -> Iterator[Path]:
    """Write the files of a new connector into the project; yield the path of each.

    Raises Misconfigured for a name that is none, or where one of the files is there already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Misconfigured(
            f"{name!r} is no name for a connector",
            fix="take small letters, digits and _, as in acme_shop",
        )
    words = {
        "@name@": name,
        "@NAME@": name.upper(),
        "@Title@": "".join(part.capitalize() for part in name.split("_")),
    }
    made = {_filled(place, words): _filled(text, words) for place, text in FILES.items()}
    there = [place for place in made if (home.project / place).exists()]
    if there:
        raise Misconfigured(f"{there[0]} is there already", fix="take another name")
    for place, text in made.items():
        path = home.project / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield Path(place)


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
