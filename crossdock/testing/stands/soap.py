"""The stand of the connector ``soap``: the sandbox's ERP."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel, Reads
from crossdock.sandbox import journal
from crossdock.sandbox.erp import Erp
from crossdock.sandbox.server import Server
from crossdock.testing.stand import Stand

_START = datetime(2026, 1, 1, tzinfo=UTC)
_ANSWER: Mapping[str, Any] = {
    "result": "Result", "succeeded": "Succeeded", "id": "DocumentId", "code": "Code",
    "message": "Message",
}  # fmt: skip
_ORDERS: Mapping[str, Any] = {
    **_ANSWER, "delivery": "lookup_before_create", "key": "OrderNo",
    "operation": "CreateSalesOrders", "items": "Orders.Order", "result": "Results.Result",
    "match": {"Reference": "OrderNo"}, "batch": 5,
    "lookup": {"operation": "FindSalesOrders", "by": "OrderNo",
               "records": "Documents.Document", "id": "DocumentId"},
}  # fmt: skip
_STOCK: Mapping[str, Any] = {
    "key": "ItemNo", "operation": "GetStock", "records": "GetStockResponse.Items.Item",
    "request": {"PageSize": 10}, "token": {"request": "PageToken", "answer": "NextPageToken"},
    "cursor": "ChangedAt", "since": "ChangedSince", "grain": "second", "overlap": 60,
    "order": "oldest_first",
}  # fmt: skip


class SoapStand(Stand):
    """The sandbox's ERP with stock to read and orders to write."""

    lacks: ClassVar[Mapping[str, str]] = {
        "a_list_that_goes_round_ends": "the sandbox's ERP has no such fault; tests/connectors has",
        "a_call_that_is_too_large_is_halved": "SOAP has no status for it",
        "others_wait_too": "it declares no budget; faults name what to do",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rows = [self._item(n, _START + timedelta(minutes=n // 2)) for n in range(25)]
        self.erp = Erp(folder / "erp", customers=["C1"], stock=rows)
        self._stack = contextlib.ExitStack()

    @staticmethod
    def _item(number: int | str, moment: datetime, location: str = "main") -> dict[str, str]:
        return {"ItemNo": f"I{number}", "Location": location, "Quantity": "2.5",
                "updated_at": moment.isoformat()}  # fmt: skip

    def start(self) -> None:
        """Start the ERP."""
        self._stack.enter_context(self.erp)

    def stop(self) -> None:
        """Stop it."""
        self._stack.close()

    @property
    def server(self) -> Server:
        """The ERP's server."""
        return self.erp.server

    def settings(self) -> Mapping[str, Any]:
        """Give the WSDL and an account."""
        return {"wsdl": self.erp.wsdl, "user": self.erp.user, "password": self.erp.password}

    def wrong(self) -> Mapping[str, Any]:
        """Give a wrong password."""
        return {"password": "wrong-password"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give an address where nobody is."""
        return {"wsdl": "http://127.0.0.1:9/erp?wsdl"}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give stock and orders."""
        return {"stock": _STOCK, "orders": _ORDERS}

    def sized(self, stream: Reads, size: int) -> Reads:
        """Give a stream with pages of ``size`` items."""
        import dataclasses

        options = {**stream.options, "request": {"PageSize": size}}
        return dataclasses.replace(stream, options=options)

    def there(self, stream: str) -> set[str]:
        """Ask the ERP itself."""
        return {str(record.body["ItemNo"]) for record in self.erp.data["stock"].records()}

    def commit_late(self, stream: str) -> str:
        """Change stock with a time half a minute before the newest."""
        late = self._item("-late", _START + timedelta(minutes=12, seconds=-30))
        self.erp.change("stock", late)
        return late["ItemNo"]

    def strange(self, stream: str) -> str:
        """Add stock at a location that nobody knows."""
        new = self._item("-new", _START + timedelta(hours=1), "on the moon")
        self.erp.change("stock", new)
        return new["ItemNo"]

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make an order; the ERP does not know every customer."""
        reference = f"W{number}"
        line = {"LineNo": 1, "ItemNo": "A", "Description": "Bolt & nut <M8> é 中",
                "Quantity": Decimal("2.000000"), "UnitPrice": Decimal("0.10"),
                "Amount": Decimal("0.20")}  # fmt: skip
        body = {
            "OrderNo": reference, "CustomerNo": "C1" if good else "C404", "CustomerName": None,
            "Currency": "EUR", "OrderDate": datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
            "Total": Decimal("0.20"), "Lines": {"Line": [line]},
        }  # fmt: skip
        return Parcel(reference, f"key-{reference}", "create", body)

    def effects(self, stream: str) -> Sequence[str]:
        """Ask the ERP's journal."""
        made = journal.created(self.erp.journal.entries("accepted"))
        return [reference for (_, reference), found in made.items() for _ in found]
