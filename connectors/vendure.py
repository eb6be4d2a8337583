"""Vendure: orders, customers, variants, stock, prices and fulfilments over its Admin API.

``updatedAt`` of an order does not move when the order is placed, shipped or delivered, and that of
a customer not with an address; ``prices`` and stock levels have no list of their own. So orders
are asked for by two dates and by the numbers of those that were not final when last seen.
https://docs.vendure.io/reference/graphql-api/admin/queries/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock import json
from crossdock.auth import Auth, Fixed
from crossdock.auth_token import Grant, Login
from crossdock.bodies import in_units, in_whole, one_by_one, same
from crossdock.connector import (
    Check,
    DeliveryClass,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater
from crossdock.exchange import Answer, NoAnswer, heard_of
from crossdock.graphql_calls import GraphqlCalls, forbidden
from crossdock.graphql_text import Word, operation
from crossdock.verdict import at
from crossdock.walking import tried, walked
from crossdock.watermark import Watermark

if TYPE_CHECKING:
    import pyarrow as pa

_FINAL = ("Delivered", "Cancelled")
_CENTS = {"price", "priceWithTax", "discountedPrice", "discountedPriceWithTax", "amount",
          "amountWithTax", "unitPrice", "unitPriceWithTax", "linePrice", "proratedLinePrice",
          "proratedLinePriceWithTax", "total", "totalWithTax", "taxBase", "taxTotal"}  # fmt: skip
_PLACE = "fullName company streetLine1 streetLine2 city province postalCode phoneNumber"
_ORDER = f"""id code state createdAt updatedAt orderPlacedAt currencyCode total totalWithTax
 customer {{ id emailAddress firstName lastName phoneNumber }} couponCodes
 shippingAddress {{ {_PLACE} countryCode }} billingAddress {{ {_PLACE} countryCode }}
 lines {{ id quantity unitPrice linePrice proratedLinePrice proratedLinePriceWithTax taxRate
  productVariant {{ id sku name }} }}
 shippingLines {{ id discountedPrice discountedPriceWithTax shippingMethod {{ code name }} }}
 surcharges {{ sku description price priceWithTax taxRate }}
 taxSummary {{ taxRate taxBase taxTotal }} payments {{ method transactionId state amount }}"""
_SHIPPED = """id code updatedAt orderPlacedAt state customer { id } fulfillments { id state method
 trackingCode createdAt updatedAt lines { orderLineId quantity
 orderLine { productVariant { sku name } } } }"""
_VARIANT = """id sku name enabled productId currencyCode price createdAt updatedAt
 options { name } product { name } taxRateApplied { value }"""
_CUSTOMER = f"""id title firstName lastName emailAddress phoneNumber updatedAt
 addresses {{ id {_PLACE} country {{ code }} defaultBillingAddress }}"""
_STOCK = "id sku stockLevels { stockLocation { id name } stockOnHand stockAllocated updatedAt }"


_PRICES = "prices { currencyCode price }"
_LEVELS = f"{_STOCK} {_PRICES}"
_PLACED = ("updatedAt", "orderPlacedAt")
_OR_NO = "... on ErrorResult { errorCode message }"
_ORDER_OR_NO = "... on Order { id totalWithTax } " + _OR_NO
_STATES = ("Pending", "Shipped", "Delivered")


def _list_of(
    name: str, listed: str, fields: str, right: str, *dates: str,
    part: tuple[str, str] = ("", ""), key: tuple[str, ...] = ("id",), **more: Any,
) -> Reads:  # fmt: skip
    options = {"list": listed, "fields": fields, "dates": dates, "part": part}
    changes = {"cursor": "updatedAt", "grain": "second", "overlap": 60} if dates else {}
    return Reads(name, key, records=f"data.{listed}.items", right=right, options=options,
                 **changes, **more)  # type: ignore[arg-type] # fmt: skip


def _target(
    name: str, key: tuple[str, ...], delivery: DeliveryClass, right: str, *,
    find: tuple[str, ...], **more: Any,
) -> Writes:  # fmt: skip
    return Writes(name, key, delivery, right=right, options={"find": find}, **more)


class Vendure(GraphqlCalls):
    """A channel of a Vendure shop."""

    kind = "vendure"
    versions = (Verified("3.7", "real server"),)

    url: str = setting("Address of the Admin API", example="https://shop.example.com/admin-api")
    api_key: str = secret("API key (since 3.6)", default="")
    user: str = setting("Administrator, where there is no key", default="")
    password: str = secret("Password of the administrator", default="")
    channel: str = setting("Token of the channel, where it is not the default one", default="")
    location: str = setting("Name of the stock location that is set", default="")
    shipping: str = setting("Code of the shipping method of orders that we place", default="")
    payment: str = setting("Name of the payment method of orders that we place", default="Hub")
    digits: int = setting("Digits of the shop's whole-numbered money after the point", default=2)
    page: int = setting("Records a page; the server takes 1000 at most", default=100)

    orders = _list_of("orders", "orders", _ORDER, "ReadOrder", *_PLACED,
                      money={"sum": "totalWithTax", "currency": "currencyCode"})  # fmt: skip
    fulfilments = _list_of("fulfilments", "orders", _SHIPPED, "ReadOrder", *_PLACED,
                           part=("fulfillments", "fulfilment"), key=("fulfilment.id",))  # fmt: skip
    products = _list_of("products", "productVariants", _VARIANT, "ReadCatalog", "updatedAt")
    customers = _list_of("customers", "customers", _CUSTOMER, "ReadCustomer")
    stock = _list_of("stock", "productVariants", _STOCK, "ReadCatalog",
                     part=("stockLevels", "stockLevel"),
                     key=("id", "stockLevel.stockLocation.id"))  # fmt: skip
    prices = _list_of("prices", "productVariants", f"id sku {_PRICES}", "ReadCatalog",
                      part=("prices", "price"), key=("id", "price.currencyCode"))  # fmt: skip

    order = _target("order", ("number",), "lookup_before_create", "CreateOrder", money="total",
                    find=("orders", "transactionId", "id code state totalWithTax"))  # fmt: skip
    customer = _target("customer", ("email",), "upsert", "UpdateCustomer",
                       find=("customers", "emailAddress", _CUSTOMER))  # fmt: skip
    variant = _target("variant", ("sku",), "lookup_before_create", "UpdateCatalog",
                      find=("productVariants", "sku", "id sku name enabled"))  # fmt: skip
    stock_on_hand = _target("stock_on_hand", ("sku",), "upsert", "UpdateCatalog", batch=50,
                            find=("productVariants", "sku", _LEVELS))  # fmt: skip
    variant_price = _target("variant_price", ("sku", "currency"), "upsert", "UpdateCatalog",
                            batch=50, find=("productVariants", "sku", _LEVELS))  # fmt: skip
    fulfilment = _target("fulfilment", ("tracking",), "lookup_before_create", "UpdateOrder",
                         find=())  # fmt: skip

    def address(self) -> str:
        """Give the one address of the API."""
        return self.url

    def headers_of_all(self) -> Mapping[str, str]:
        """Name the channel."""
        return {"vendure-token": self.channel} if self.channel else {}

    def credentials(self) -> Auth:
        """Take the key, or log in for a token; a dead one is told in an answer with status 200."""
        if self.api_key:
            return Fixed({"vendure-api-key": self.api_key}, secrets=(self.api_key,))
        return Login(self._log_in, self.world.monotonic, dead=forbidden, secrets=(self.password,))

    def _log_in(self) -> Grant:
        text = "mutation" + operation("login", _OR_NO, username=self.user, password=self.password)
        answer = self.plain.send(self.request(text))
        token = answer.headers.get("vendure-auth-token", "")
        if not token or at(heard_of(answer).document, "data.login.errorCode"):
            raise Misconfigured("Vendure does not let this administrator in", where=self.url)
        return Grant(token)

    def _list(self, name: str, fields: str, **options: Any) -> tuple[Answer, list[Any]]:
        gives = f"totalItems items {{ {fields} }}"
        answer, data = self.ask(operation(name, gives, options=options))
        return answer, data[name]["items"]

    def check(self) -> Iterator[Check]:
        """Log in, and ask each list for one record."""
        return tried(self, lambda one: self._list(one.options["list"], "id", take=1))

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield pages in the order of ids: changes only add to them, so none is passed over."""
        known = json.loads(cursor) if cursor else {"since": None, "open": []}
        still: list[str] = []

        def mark(newest: str | None) -> str:
            return json.dumps({"since": newest, "open": still})

        pages, dates = self._walk(stream, known, still), stream.options.get("dates", ())
        return walked(stream, self.world, pages, dates, known["since"], mark)

    def _walk(
        self, stream: Reads, known: Mapping[str, Any], still: list[str]
    ) -> Iterator[tuple[bytes, list[Any]]]:
        options, taken = stream.options, 0
        wanted = self._wanted(stream, known)
        while True:
            answer, records = self._list(
                options["list"], options["fields"], take=self.page, skip=taken,
                sort={"id": Word("ASC")}, filter=wanted,
            )  # fmt: skip
            still += [one["id"] for one in records if one.get("state", "Cancelled") not in _FINAL]
            if records:
                yield answer.body, records
            if len(records) < self.page:
                return
            taken += len(records)

    def _wanted(self, stream: Reads, known: Mapping[str, Any]) -> dict[str, Any]:
        placed = {"orderPlacedAt": {"isNull": False}} if stream.options["list"] == "orders" else {}
        if not stream.cursor or not known["since"]:
            return placed
        since = Watermark("instant", stream.overlap).since(known["since"])
        moved: list[Any] = [{date: {"after": since}} for date in stream.options["dates"]]
        if known["open"]:
            moved.append({"id": {"in": known["open"]}})
        return {"_and": [placed, {"_or": moved}]} if placed else {"_or": moved}

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Parse landed answers: whole-numbered money becomes decimal text, parts become records."""
        from crossdock.formats.rows import nested

        page = json.loads(body.read_bytes(), stream.name)["data"][stream.options["list"]]
        records = [in_units(record, self.digits, _CENTS) for record in page["items"]]
        for record in records if stream.name == "orders" else ():
            _rate_shipping(record)
        many, one = stream.options["part"]
        if many:
            records = [
                {**{name: value for name, value in record.items() if name != many}, one: item}
                for record in records
                for item in record[many] or ()
            ]
        yield nested([json.dumps(record) for record in records], range(1, len(records) + 1))

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read back by natural key; what is half made is not there yet."""
        found: dict[str, Found | None] = {}
        for parcel in parcels:
            record = self._present(stream, parcel.body)
            if record and stream.name == "fulfilment":
                record = record if record["state"] in (parcel.body["state"], "Delivered") else None
            found[parcel.reference] = Found(str(record["id"]), record) if record else None
        return found

    def _present(self, stream: Writes, body: Mapping[str, Any]) -> Any:
        if stream.name == "fulfilment":
            parts = [part for one in self._orders(body) for part in one["fulfillments"] or []]
            return next((one for one in parts if one["trackingCode"] == body["tracking"]), None)
        name, field, fields = stream.options["find"]
        found = self._list(name, fields, filter={field: {"eq": str(body[stream.key[0]])}})[1]
        if len(found) > 1:
            raise Refused(f"Vendure has several {name} with the {field} {body[stream.key[0]]}")
        return found[0] if found else None

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Put documents; stock and prices of many variants go in one mutation."""
        if stream.batch > 1:
            return self._set(stream, parcels)
        put = getattr(self, f"_put_{stream.name}")
        return one_by_one(parcels, lambda one: str(put(one.body, self._present(stream, one.body))))

    def _set(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        skus = sorted({str(parcel.body["sku"]) for parcel in parcels})
        found = self._list("productVariants", _LEVELS, take=1000, filter={"sku": {"in": skus}})[1]
        changes: dict[str, dict[str, Any]] = {}
        wrong: dict[str, Refused | TryLater] = {}
        for one in parcels:
            known = [record for record in found if record["sku"] == one.body["sku"]]
            try:
                changes[one.reference] = self._change(stream, one.body, known)
            except Refused as error:
                wrong[one.reference] = error
        ours = [parcel for parcel in parcels if len(changes.get(parcel.reference, ())) > 1]
        try:
            if ours:
                inputs = [changes[parcel.reference] for parcel in ours]
                self.do("updateProductVariants", "id", input=inputs)
        except (Refused, TryLater) as error:
            if isinstance(error, Refused) and len(ours) > 1:
                half = len(parcels) // 2
                return self._set(stream, parcels[:half]) + self._set(stream, parcels[half:])
            wrong |= {parcel.reference: error for parcel in ours}

        def settled(parcel: Parcel) -> str:
            if parcel.reference in wrong:
                raise wrong[parcel.reference]
            return str(changes[parcel.reference]["id"])

        return one_by_one(parcels, settled)

    def _change(self, stream: Writes, body: Mapping[str, Any], known: Any) -> dict[str, Any]:
        if len(known) != 1:
            raise Refused(f"Vendure has no single variant with the SKU {body['sku']}")
        if stream.name == "variant_price":
            field, there = "prices", known[0]["prices"]
            new = {"currencyCode": body["currency"], "price": in_whole(body["amount"], self.digits)}
        else:
            field, place = "stockLevels", self._place
            there = [{"stockLocationId": one["stockLocation"]["id"],
                      "stockOnHand": one["stockOnHand"]} for one in known[0][field]]  # fmt: skip
            new = {"stockLocationId": place, "stockOnHand": int(body["on_hand"])}
        made: dict[str, Any] = {"id": known[0]["id"]}
        if new not in there:
            made[field] = [{k: Word(v) if k == "currencyCode" else v for k, v in new.items()}]
        return made

    @cached_property
    def _place(self) -> str:
        wanted = {"name": {"eq": self.location}} if self.location else {}
        found = self._list("stockLocations", "id", filter=wanted, sort={"id": Word("ASC")})[1]
        if not found:
            raise Misconfigured(f"Vendure has no stock location {self.location!r}")
        return str(found[0]["id"])

    def _put_variant(self, body: Mapping[str, Any], known: Any) -> str:
        name = {"languageCode": Word(body.get("language", "en")), "name": body["name"]}
        variant = {"translations": [name], "enabled": body.get("status", "active") == "active"}
        if known:
            if not same(known, {"name": body["name"], "enabled": variant["enabled"]}):
                self.do("updateProductVariants", "id", input=[{"id": known["id"], **variant}])
            return str(known["id"])
        page = {"slug": body["sku"].lower(), "description": body.get("description") or ""}
        product = self.do("createProduct", "id", input={"translations": [{**name, **page}]})
        variant |= {"productId": product["id"], "sku": body["sku"]}
        if body.get("price") is not None:
            variant["price"] = in_whole(body["price"], self.digits)
        return str(self.do("createProductVariants", "id", input=[variant])[0]["id"])

    def _put_customer(self, body: Mapping[str, Any], known: Any) -> str:
        first, _, last = str(body["name"]).rpartition(" ")
        values = {"firstName": first, "lastName": last, "emailAddress": body["email"]}
        if body.get("phone"):
            values["phoneNumber"] = body["phone"]
        gives = "... on Customer { id }" + _OR_NO
        if not known:
            known = self.do("createCustomer", gives, input=values)
        elif not same(known, values):
            self.do("updateCustomer", gives, input={"id": known["id"], **values})
        place = body.get("address")
        asked = {name: value for name, value in (place or {}).items() if name != "countryCode"}
        if place and not same(known.get("addresses") or [], asked):
            self.do("createCustomerAddress", "id", customerId=known["id"], input=place)
        return str(known["id"])

    def _put_order(self, body: Mapping[str, Any], known: Any) -> str:
        if known:
            if body.get("state") == "cancelled" and known["state"] != "Cancelled":
                self.do("cancelOrder", _ORDER_OR_NO, input={"orderId": known["id"]})
            return str(known["id"])
        draft = str(self.do("createDraftOrder", "id")["id"])  # only the payment places it
        try:
            self._fill(draft, body)
        except CrossdockError as error:
            if not isinstance(error, NoAnswer):  # what may be placed is never taken away again
                self.do("deleteDraftOrder", "result", orderId=draft)
            raise
        return draft

    def _fill(self, draft: str, body: Mapping[str, Any]) -> None:
        for line in body["lines"]:
            found = self._list("productVariants", "id", filter={"sku": {"eq": line["sku"]}})[1]
            if len(found) != 1:
                raise Refused(f"Vendure has no single variant with the SKU {line['sku']}")
            item = {"productVariantId": found[0]["id"], "quantity": int(line["quantity"])}
            self.do("addItemToDraftOrder", _ORDER_OR_NO, orderId=draft, input=item)
        buyer = body["customer"]
        ident = self._put_customer(buyer, self._present(self.writes()["customer"], buyer))
        self.do("setCustomerForDraftOrder", _ORDER_OR_NO, orderId=draft, customerId=ident)
        self.do("setDraftOrderShippingAddress", "id", orderId=draft, input=body["address"])
        asked = "eligibleShippingMethodsForDraftOrder"
        ways = self.ask(operation(asked, "id code", orderId=draft))[1][asked]
        way = [one["id"] for one in ways if self.shipping in ("", one["code"])]
        if not way:
            raise Refused(f"the shipping method {self.shipping!r} is not for this order")
        order = self.do("setDraftOrderShippingMethod", _ORDER_OR_NO, orderId=draft,
                         shippingMethodId=way[0])  # fmt: skip
        if order["totalWithTax"] != in_whole(body["total"], self.digits):
            shop = Decimal(order["totalWithTax"]).scaleb(-self.digits)
            raise Refused(f"the shop comes to {shop}, the order to {body['total']}: check prices")
        self.do("transitionOrderToState", _ORDER_OR_NO, id=draft, state="ArrangingPayment")
        paid = {"orderId": draft, "method": self.payment, "metadata": {},
                "transactionId": str(body["number"])}  # fmt: skip
        self.do("addManualPaymentToOrder", _ORDER_OR_NO, input=paid)

    def _orders(self, body: Mapping[str, Any]) -> list[Any]:
        parts = "id lines { id productVariant { sku } } fulfillments { id state trackingCode }"
        return self._list("orders", parts, filter={"code": {"eq": str(body["order"])}})[1]

    def _put_fulfilment(self, body: Mapping[str, Any], known: Any) -> str:
        gives = "... on Fulfillment { id state }" + _OR_NO
        if not known:
            found = self._orders(body)
            if not found:
                raise Refused(f"Vendure has no order {body['order']}")
            ids = {one["productVariant"]["sku"]: one["id"] for one in found[0]["lines"]}
            lines = [{"orderLineId": ids.get(line["sku"], ""), "quantity": int(line["quantity"])}
                     for line in body["lines"]]  # fmt: skip
            words = {"method": body.get("carrier") or "", "trackingCode": body["tracking"]}
            arguments = [{"name": name, "value": value} for name, value in words.items()]
            way = {"code": "manual-fulfillment", "arguments": arguments}
            known = self.do("addFulfillmentToOrder", gives, input={"lines": lines, "handler": way})
        left = _STATES[_STATES.index(known["state"]) + 1 : _STATES.index(body["state"]) + 1]
        for state in left:
            self.do("transitionFulfillmentToState", gives, id=known["id"], state=state)
        return str(known["id"])


def _rate_shipping(order: dict[str, Any]) -> None:
    """Say the tax rate of shipping, which Vendure gives in the sums of the order only."""
    for line in order["shippingLines"]:
        price, with_tax = (Decimal(line[f"discountedPrice{end}"]) for end in ("", "WithTax"))
        for rate in (Decimal(str(tax["taxRate"])) for tax in order["taxSummary"]):
            if abs(price * (100 + rate) / 100 - with_tax) < Decimal("0.01"):
                line["taxRate"] = rate
