"""Tryton: parties, products, sales, stock, prices and shipments over its JSON-RPC.

A change of an address, a price or a line moves the record that it stands in, not the one that a
reader asks for, and ``write_date`` is null until the first change; so a list of changes asks for
the dates of all parts. Stock and prices are answers to a question, with no date at all.
https://docs.tryton.org/projects/server/en/latest/topics/rpc.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock import json
from crossdock.api import Api
from crossdock.auth_token import Grant, Login
from crossdock.bodies import numbered, one_by_one, paths, same
from crossdock.connector import (
    Check,
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
from crossdock.exchange import Request
from crossdock.tagged_json import plain, typed
from crossdock.verdict import at
from crossdock.walking import tried, walked
from crossdock.watermark import Watermark

if TYPE_CHECKING:
    import pyarrow as pa

_HEADERS = {"Content-Type": "application/json"}
_DATES = ("write_date", "create_date")
_SALES = "sale.sale"
_STEPS = {"draft": (), "quotation": ("quote",), "confirmed": ("quote", "confirm")}
_OPEN = ("draft", "quotation")
_ROUNDING = "Rounding"


def _changes(name: str, model: str, fields: str, *parts: str, **more: Any) -> Reads:
    dates = [part + date for part in ("", *parts) for date in _DATES]
    options = {"model": model, "fields": fields.split(), "dates": dates}
    return Reads(name, ("id",), records="result", cursor="write_date", grain="microsecond",
                 overlap=60, options=options, **more)  # fmt: skip


def _answers(name: str, beside: str, fields: str, *domain: Any) -> Reads:
    options = {"model": "product.product", "fields": fields.split(), "dates": [],
               "domain": [["code", "!=", None], *domain]}  # fmt: skip
    return Reads(name, ("id", beside), records="result", feed="full", options=options)


class Tryton(Api):
    """A company in a Tryton database."""

    kind = "tryton"
    versions = (Verified("8.2", "real server"),)

    url: str = setting(
        "Where calls go: server, database and rpc/ (7.0 without rpc/)",
        example="https://erp.example.com/tryton/rpc/",
    )
    user: str = setting("User whose company the documents belong to")
    password: str = secret("Password of the user")
    warehouse: str = setting("Code of the warehouse whose stock is read and set", default="WH")
    rounding: str = setting("Largest difference of a sale's total that is made a line", default="0")
    page: int = setting("Records a page", default=200)

    parties = _changes(
        "parties", "party.party", "code name active email phone lang.code addresses.street"
        " addresses.postal_code addresses.city addresses.country.code",
        "addresses.", "contact_mechanisms.",
    )  # fmt: skip
    products = _changes(
        "products", "product.product", "code active description template.name template.type"
        " template.code template.default_uom.symbol identifiers.type identifiers.code",
        "template.", "identifiers.",
    )  # fmt: skip
    sales = _changes(
        "sales", _SALES, "reference number state sale_date party.code party.name currency.code"
        " untaxed_amount tax_amount total_amount shipment_state invoice_state comment"
        " lines.sequence lines.product.code lines.description lines.quantity lines.unit.symbol"
        " lines.unit_price lines.amount", "lines.",
        money={"sum": "total_amount", "currency": "currency.code"},
    )  # fmt: skip
    shipments = _changes(
        "shipments", "stock.shipment.out", "number reference state effective_date customer.code"
        " warehouse.code outgoing_moves.product.code outgoing_moves.quantity"
        " outgoing_moves.sale.reference", "moves.",
    )  # fmt: skip
    stock = _answers(
        "stock", "location", "code quantity forecast_quantity", ["template.type", "=", "goods"]
    )
    prices = _answers("prices", "currency", "code list_price_used", ["salable", "=", True])

    sale = Writes(
        "sale", ("reference",), "lookup_before_create", reference="reference",
        money="total_amount", currency="currency.code",
        options={"model": "sale.sale", "creates": ("party.address",), "whole": ("lines",)},
    )  # fmt: skip
    customer = Writes("customer", ("code",), "upsert", options={"model": "party.party"})
    template = Writes(
        "template", ("code",), "lookup_before_create",
        options={"model": "product.template",
                 "once": ("list_price", "type", "default_uom", "sale_uom", "account_category"),
                 "first": {"salable": True, "products": [{}]}},
    )  # fmt: skip
    list_price = Writes(
        "list_price", ("code",), "upsert", options={"model": "product.template", "never_new": True}
    )

    def address(self) -> str:
        """Give what all calls go to."""
        return self.url

    def credentials(self) -> Login:
        """Open a session; basic authentication would hash the password at every call."""
        return Login(
            self._session, self.world.monotonic, header="Authorization: Session",
            secrets=(self.password,),
        )  # fmt: skip

    def _session(self) -> Grant:
        body = {"id": 0, "method": "common.db.login",
                "params": [self.user, {"password": self.password}, "en"]}  # fmt: skip
        request = Request("POST", self.url, headers=_HEADERS, body=json.dumps(body).encode())
        said = self.plain.send(request).document(request.where).get("result")
        if not said:
            raise Misconfigured("Tryton does not let this user in", where=self.url)
        return Grant(base64.b64encode(f"{self.user}:{said[0]}:{said[1]}".encode()).decode())

    def _ask(self, method: str, *params: Any, again: bool = True) -> Any:
        body = json.dumps({"id": 0, "method": method, "params": typed(params)}).encode()
        request = Request("POST", self.url, headers=_HEADERS, body=body, again=again)
        answer = self.http.send(request)
        said = answer.document(f"{method} at {self.url}")
        if not isinstance(said, dict) or not {"result", "error"} & set(said):
            raise TryLater("the answer is none of Tryton's", where=method)
        if said.get("error"):
            raise _said_no(said["error"], method)
        return answer.body if method.endswith(".search_read") else said["result"]

    @cached_property
    def _context(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("model.res.user.get_preferences", True, {})
        if not found.get("company"):
            raise Misconfigured("the user has no company", fix="give the user one in Tryton")
        return found

    def _ask_model(self, model: str, method: str, *params: Any, **context: Any) -> Any:
        given = {**self._context, **context}
        return self._ask(f"model.{model}.{method}", *params, given, again=method == "fields_get")

    def _find(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], limit: int | None = None
    ) -> list[dict[str, Any]]:
        params = (list(domain), 0, limit, [["id", "ASC"]], list(fields), self._context)
        body = self._ask(f"model.{model}.search_read", *params)
        return [plain(record) for record in json.loads(body)["result"]]

    def check(self) -> Iterator[Check]:
        """Log in, and ask each model for one record."""
        return tried(self, lambda one: self._find(one.options["model"], (), ("id",), 1))

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield pages in the order of ids, which never shifts; the last one moves the cursor."""
        since: list[Any] = []
        if cursor:
            start = datetime.fromisoformat(Watermark("instant", stream.overlap).since(cursor))
            since = [["OR", *([name, ">=", start] for name in stream.options["dates"])]]
        pages = self._walk(stream, since)
        return walked(stream, self.world, pages, _DATES, cursor, lambda newest: newest)

    def _walk(self, stream: Reads, since: list[Any]) -> Iterator[tuple[bytes, list[Any]]]:
        options, last = stream.options, 0
        constants, context = self._question(stream)
        head = b'{"constants":' + json.dumps(constants).encode() + b',"answer":'
        while True:
            domain = [["id", ">", last], *options.get("domain", ()), *since]
            fields = [*options["fields"], *options["dates"]]
            params = (domain, 0, self.page, [["id", "ASC"]], fields, {**self._context, **context})
            body = self._ask(f"model.{options['model']}.search_read", *params)
            records = json.loads(body)["result"]
            if records:
                yield head + body + b"}", [plain(record) for record in records]
            if len(records) < self.page:
                return
            last = int(records[-1]["id"])

    def _question(self, stream: Reads) -> tuple[dict[str, Any], dict[str, Any]]:
        if stream.name == "stock":
            return {"location": self.warehouse}, {"locations": [self._warehouse["id"]]}
        if stream.name == "prices":
            company = self._find("company.company", [["id", "=", self._context["company"]]],
                                 ("currency.code",))  # fmt: skip
            return {"currency": company[0]["currency"]["code"]}, {}
        return {}, {}

    @cached_property
    def _warehouse(self) -> dict[str, Any]:
        domain = [["type", "=", "warehouse"], ["code", "=", self.warehouse]]
        found = self._find("stock.location", domain, ("code",), 1)
        if not found:
            raise Misconfigured(f"Tryton has no warehouse {self.warehouse!r}", where=self.system)
        return found[0]

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Parse landed answers: typed values become text, ``party.`` becomes ``party``."""
        from crossdock.formats.rows import nested

        page = json.loads(body.read_bytes(), stream.name)
        found = [{**plain(record), **page["constants"]} for record in page["answer"]["result"]]
        yield nested([json.dumps(record) for record in found], range(1, len(found) + 1))

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read back by natural key; a sale that is not where it shall be is not there yet."""
        found: dict[str, Found | None] = {}
        for parcel in parcels:
            body = _shaped(parcel.body)
            record = self._present(stream, body)
            there = record and not (stream.name == "sale" and _steps_left(record, body))
            found[parcel.reference] = Found(str(record["id"]), record) if record and there else None
        return found

    def _present(self, stream: Writes, body: Mapping[str, Any]) -> dict[str, Any] | None:
        key, model = stream.key[0], stream.options["model"]
        asked = {"_timestamp", *paths(body), *(("state", "lines.id") if model == _SALES else ())}
        found = self._find(model, [[key, "=", str(body[key])]], sorted(asked), 2)
        if len(found) > 1:
            raise Refused(f"Tryton has several with the {key} {body[key]}")
        return found[0] if found else None

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Create or change one record each; a sale goes on to the state that it shall have.

        A body has Tryton's own names; what it refers to is given by its fields ({code: EUR}).
        """
        def put(parcel: Parcel) -> str:
            body = _shaped(parcel.body)
            way = self._put_sale if stream.name == "sale" else self._put
            return str(way(stream, body, self._present(stream, body)))

        return one_by_one(parcels, put)

    def _put(self, stream: Writes, body: Mapping[str, Any], found: dict[str, Any] | None) -> int:
        options, model = stream.options, stream.options["model"]
        if found is None:
            if options.get("never_new"):
                raise TryLater(f"Tryton does not have {body[stream.key[0]]} yet")
            values = self._values(stream, model, {**options.get("first", {}), **body})
            return int(self._ask_model(model, "create", [values])[0])
        kept = (stream.key[0], *options.get("once", ()))
        differs = {
            name: value for name, value in body.items()
            if name not in kept and not same(found.get(name), value)
        }  # fmt: skip
        values = self._values(stream, model, differs, found)
        if values:
            stamp = str(found["_timestamp"])
            if "." not in stamp:  # a lock of whole seconds holds once its second is over
                self.world.sleep(1.0)
                if self._present(stream, body) != found:
                    raise TryLater("the record is being changed in Tryton")
            lock = {"_timestamp": {f"{model},{found['id']}": stamp}}
            self._ask_model(model, "write", [found["id"]], values, **lock)
        return int(found["id"])

    def _values(
        self, stream: Writes, model: str, body: Mapping[str, Any], found: Any = None
    ) -> dict[str, Any]:
        fields, made = self._fields(model), {}
        for name, value in body.items():
            if name not in fields:
                raise Misconfigured(f"Tryton's {model} has no field {name!r}", where=stream.name)
            kind, relation = fields[name]["type"], fields[name].get("relation")
            if value is None or fields[name]["readonly"]:
                continue  # what Tryton computes is compared, not written
            if kind == "many2one":
                value = self._one(stream, relation, value)
            elif kind == "many2many":
                value = [["add", [self._one(stream, relation, value)]]]
            elif kind == "one2many":
                there = (found or {}).get(name) or []
                whole = name in stream.options.get("whole", ())
                gone = [["delete", [item["id"] for item in there]]] if whole and there else []
                new = [item for item in value if whole or not same(there, item)]
                value = [*gone, ["create", [self._values(stream, relation, item) for item in new]]]
            made[name] = value
        return made

    def _fields(self, model: str) -> dict[str, Any]:
        if model not in self._known_fields:
            self._known_fields[model] = self._ask_model(model, "fields_get", None)
        return self._known_fields[model]

    @cached_property
    def _known_fields(self) -> dict[str, dict[str, Any]]:
        return {}

    def _one(self, stream: Writes, model: str, given: Mapping[str, Any]) -> int:
        domain = [[path, "=", at(given, path)] for path in sorted(paths(given))]
        if "company" in self._fields(model):
            domain.append(["company", "=", self._context["company"]])
        found = self._find(model, domain, ("id",), 2)
        if not found and model in stream.options.get("creates", ()):
            return int(self._ask_model(model, "create", [self._values(stream, model, given)])[0])
        if len(found) != 1:
            words = "several" if found else "no"
            asked = ", ".join(f"{path} {value}" for path, _, value in domain[:1])
            raise TryLater(f"Tryton has {words} {model} with {asked}")
        return int(found[0]["id"])

    def _put_sale(
        self, stream: Writes, body: Mapping[str, Any], found: dict[str, Any] | None
    ) -> int:
        ends = body.get("state") == "cancelled"
        if found is None or (found["state"] in _OPEN and not ends and not _alike(found, body)):
            if found and found["state"] == "quotation":
                self._ask_model(_SALES, "draft", [found["id"]])
                found = self._present(stream, body)
            self._put(stream, {k: v for k, v in body.items() if k != "state"}, found)
            found = self._evened_out(stream, body)
        if not ends and not _alike(found, body):
            raise Refused(f"the sale is {found['state']} in Tryton and differs: change it there")
        for step in _steps_left(found, body):
            self._ask_model(_SALES, step, [found["id"]])
        return int(found["id"])

    def _evened_out(self, stream: Writes, body: Mapping[str, Any]) -> dict[str, Any]:
        found = self._present(stream, body) or {}
        rest = Decimal(body["total_amount"]) - Decimal(found["total_amount"])
        if abs(rest) > Decimal(self.rounding):
            self._ask_model(_SALES, "cancel", [found["id"]])
            self._ask_model(_SALES, "delete", [found["id"]])
            words = f"Tryton comes to {found['total_amount']}, the order to {body['total_amount']}"
            raise Refused(f"{words}: check taxes, and the setting rounding")
        if rest:
            line = {"description": _ROUNDING, "quantity": Decimal(1), "unit_price": rest}
            lines = {"lines": [["create", [line]]]}
            self._ask_model(_SALES, "write", [found["id"]], lines)
            found = self._present(stream, body) or {}
        return found


def _shaped(body: Any) -> Any:
    made = numbered(body)
    ways = made.get("contact_mechanisms", [])
    made |= {"contact_mechanisms": [way for way in ways if "value" in way]} if ways else {}
    if lines := [*made.pop("lines", []), *made.pop("charges", [])]:
        made["lines"] = lines
    for line in lines:
        if line.get("taxes") == {"rate": 0}:  # a tax of nothing is none
            del line["taxes"]
        if "amount" in line:
            price = Decimal(line.pop("amount")) / (Decimal(line["quantity"]) or 1)
            line["unit_price"] = price.quantize(Decimal("0.0001"))
    return made


def _alike(sale: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    lines = [line for line in sale["lines"] if line["description"] != _ROUNDING]
    return len(lines) == len(body["lines"]) and same(
        {"lines": lines, "total_amount": sale["total_amount"]},
        {"lines": body["lines"], "total_amount": body["total_amount"]},
    )


def _steps_left(sale: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[str, ...]:
    wanted, state = body.get("state", "confirmed"), sale["state"]
    if wanted == "cancelled":
        return () if state == "cancelled" else ("cancel",)
    if state == "cancelled":
        raise Refused(f"sale {sale['number']} was cancelled in Tryton")
    steps = _STEPS[wanted]
    return {"draft": steps, "quotation": steps[1:]}.get(state, ())


def _said_no(error: Any, method: str) -> CrossdockError:
    name, words = [*error, "", ""][:2] if isinstance(error, list) else (error, "")
    name, words = str(name), str(words[0] if isinstance(words, list) and words else words)
    if name in {"UserError", "UserWarning"} or name.endswith("ValidationError"):
        return Refused(words.partition("\n")[0][:300] or name, where=method)
    if name.startswith("'"):
        return Misconfigured(f"this Tryton does not know {name}", where=method, fix="see versions")
    return TryLater(f"{name} {words}"[:200].strip(), where=method)
