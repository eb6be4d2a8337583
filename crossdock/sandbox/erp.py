"""The sandbox ERP: a SOAP service with a WSDL of its own, on loopback.

It has the manners of its kind: most refusals come as HTTP 200 with ``Succeeded`` false, and a
sales order that is created twice becomes two documents. Whoever retries must look first
(``FindSalesOrders``), and whoever has a change must say so (``ChangeSalesOrders``).
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crossdock.sandbox import soap_envelope as soap
from crossdock.sandbox.collection import (
    Collection,
    Rows,
    after,
    load,
    microseconds,
    read_cursor,
    write_cursor,
)
from crossdock.sandbox.erp_orders import ENTITY as SALES_ORDER
from crossdock.sandbox.erp_orders import SalesOrders
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.journal import Entry, Journal
from crossdock.sandbox.server import Answer, Request, Server

_XML = "text/xml; charset=utf-8"
_ASKED = {"CreateSalesOrder", "CreateSalesOrders", "ChangeSalesOrders", "FindSalesOrders",
          "CreateCustomer", "ChangeCustomer", "FindCustomers", "GetStock", "GetPrices"}  # fmt: skip


class Erp:
    """A running ERP, as a context manager; ``url`` takes the calls, ``wsdl`` is its contract.

    ``folder`` keeps its journal, from which it rebuilds its state. ``customers`` are the numbers
    that it knows (None: it knows everybody), ``closed_before`` ends the open booking period.
    ``stock`` and ``prices`` are rows with ItemNo, Location, Quantity or Currency, UnitPrice, and
    ``updated_at``. ``security`` is ``basic`` or ``username_token``.
    """

    user = "crossdock"
    password = "sandbox-secret"  # noqa: S105 - it opens nothing but the sandbox

    def __init__(
        self,
        folder: Path,
        *,
        customers: Iterable[str] | None = None,
        stock: Rows = (),
        prices: Rows = (),
        closed_before: datetime | None = None,
        security: str = "basic",
        port: int = 0,
        plan: Plan = NO_FAULTS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.now = now
        self.security = security
        self.customers: dict[str, Mapping[str, Any]] = {
            number: {"CustomerNo": number, "Name": number} for number in customers or ()
        }
        self.data = {
            "stock": Collection("stock", "ItemNo", load(stock)),
            "prices": Collection("prices", "ItemNo", load(prices)),
        }
        self.journal = Journal(folder / "erp.journal.jsonl", "erp", now)
        self._orders = SalesOrders(
            self.journal, None if customers is None else self.customers, closed_before
        )
        self._lock = threading.RLock()
        self._schema = soap.schema()
        for entry in self.journal.entries("accepted", "changed"):
            self._apply(entry)
        self.server = Server(self._answer, self._endpoint, port, plan)
        self.url = f"{self.server.url}/erp"
        self.wsdl = f"{self.url}?wsdl"

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()
        self.journal.close()

    @property
    def plan(self) -> Plan:
        """Which requests break; assign another plan at any time."""
        return self.server.plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self.server.plan = plan

    def change(self, collection: str, body: Mapping[str, Any]) -> None:
        """Change stock or a price from inside, as the ERP's own staff would; it is journalled."""
        with self._lock:
            entry = self.journal.entry("changed", collection, body["ItemNo"], dict(body))
            self.journal.write(entry)
            self._apply(entry)

    def close_document(self, ident: str) -> None:
        """Close a sales order by its DocumentId, so that it can no longer be changed."""
        with self._lock:
            self._orders.close(ident)

    # -- state ---------------------------------------------------------------------------------
    def _apply(self, entry: Entry) -> None:
        if entry.entity == SALES_ORDER:
            self._orders.apply(entry)
        elif entry.kind == "changed":
            self.data[entry.entity].put(entry.body)
        else:
            self.customers[entry.their_id] = entry.body

    # -- the wire ------------------------------------------------------------------------------
    def _endpoint(self, method: str, path: str) -> str:
        return f"{method} {path}"

    def _answer(self, request: Request) -> Answer:
        if request.path != "/erp":
            return Answer(404, b"not found", "text/plain")
        if request.method == "GET" and "wsdl" in request.query:
            return Answer(200, soap.wsdl(self.url), _XML)
        if request.method != "POST":
            return Answer(405, b"POST a SOAP envelope", "text/plain")
        if not request.headers.get("content-type", "").startswith("text/xml"):
            return Answer(415, b"the content type must be text/xml", "text/plain")
        for name, code in (("server_fault", "Server"), ("client_fault", "Client")):
            if request.breaks(name):
                return Answer(500, soap.fault(code, "a fault of the plan"), _XML)
        if request.breaks("fault_200"):
            return Answer(200, soap.fault("Server", "a fault of the plan"), _XML)
        try:
            return self._call(request)
        except soap.Fault as fault:
            return Answer(500, soap.fault(fault.code, str(fault)), _XML)

    def _call(self, request: Request) -> Answer:
        if self.security == "basic" and not self._is_basic(request):
            headers = {"WWW-Authenticate": 'Basic realm="erp"'}
            return Answer(401, b"sign in", "text/plain", headers)
        element, header = soap.parse(request.body, self._schema)
        if self.security != "basic" and soap.username(header, self.password) != self.user:
            raise soap.Fault("Client", "the user name or the password is wrong")
        name = element.tag.split("}")[1]
        if name not in _ASKED:
            raise soap.Fault("Client", f"{name} is not an operation")
        values = soap.values(element)
        with self._lock:
            content = getattr(self, f"_{name}")(values)
        return Answer(200, soap.answer(f"{name}Response", content), _XML)

    def _is_basic(self, request: Request) -> bool:
        word = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {word}"

    # -- operations, named as in the WSDL ------------------------------------------------------
    def _CreateSalesOrder(self, order: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Result": self._orders.create(order)}

    def _CreateSalesOrders(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        results = [self._orders.create(order) for order in call["Orders"]["Order"]]
        return {"Results": {"Result": results}}

    def _ChangeSalesOrders(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        results = [self._orders.change(order) for order in call["Orders"]["Order"]]
        return {"Results": {"Result": results}}

    def _FindSalesOrders(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"Documents": {"Document": self._orders.find(call["OrderNo"])}}

    def _CreateCustomer(self, customer: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if customer["CustomerNo"] in self.customers:
            message = "There is a customer with this number."
            return self._refuse_customer(customer, "create", "CUSTOMER_EXISTS", message)
        return self._take_customer(customer, "create")

    def _ChangeCustomer(self, customer: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        known = self.customers.get(customer["CustomerNo"])
        if known is None:
            message = "There is no customer with this number."
            return self._refuse_customer(customer, "change", "CUSTOMER_UNKNOWN", message)
        return self._take_customer(customer, "change", effect=known != customer)

    def _take_customer(
        self, customer: dict[str, Any], operation: str, *, effect: bool = True
    ) -> dict[str, Any]:
        number = customer["CustomerNo"]
        if effect:
            entry = self.journal.entry(
                "accepted", "customer", number, customer, operation=operation
            )
            self.journal.write(entry)
            self._apply(entry)
        return {"Result": {"Succeeded": "true", "Reference": number, "DocumentId": number}}

    def _refuse_customer(
        self, customer: dict[str, Any], operation: str, code: str, message: str
    ) -> dict[str, Any]:
        number = customer["CustomerNo"]
        self.journal.write(
            self.journal.entry(
                "refused", "customer", number, customer, message=message, operation=operation
            )
        )
        result = {"Succeeded": "false", "Reference": number, "Code": code, "Message": message}
        return {"Result": result}

    def _FindCustomers(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        known = self.customers
        return {"Customers": {"Customer": [known[n] for n in call["CustomerNo"] if n in known]}}

    def _GetStock(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._page("stock", ("ItemNo", "Location", "Quantity"), call)

    def _GetPrices(self, call: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._page("prices", ("ItemNo", "Currency", "UnitPrice"), call)

    def _page(self, name: str, fields: tuple[str, ...], call: dict[str, Any]) -> dict[str, Any]:
        collection, size = self.data[name], int(call.get("PageSize", 100))
        since, start = call.get("ChangedSince"), 0
        state: dict[str, Any] = {}
        if call.get("PageToken"):
            try:
                state = read_cursor(call["PageToken"])
                since = state["since"]
            except (ValueError, KeyError):
                raise soap.Fault("Client", "the page token is not valid") from None
        places = collection.since(_moment(since))
        if state:
            start = after(places, (state["last"][0], state["last"][1]), newest_first=False)
        chosen = places[start : start + size]
        records = collection.at(chosen)
        self.journal.expose(
            [
                self.journal.entry("exposed", name, r.body["ItemNo"], r.body, body_sha256=r.sha)
                for r in records
            ]
        )
        token = None
        if start + size < len(places):
            token = write_cursor({"since": since, "last": chosen[-1]})
        items = [
            {**{field: r.body[field] for field in fields}, "ChangedAt": r.body["updated_at"],
             **r.body.get("extra", {})}
            for r in records
        ]  # fmt: skip
        return {"Items": {"Item": items}, "NextPageToken": token}


def _moment(text: str | None) -> int | None:
    """Read an xs:dateTime; the ERP takes one without an offset for UTC, as many do."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    return microseconds((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).isoformat())
