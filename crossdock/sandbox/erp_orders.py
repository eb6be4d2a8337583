"""The sales orders of the sandbox ERP: booked, changed and closed, each one a document.

Creating is not safe to repeat: a second call books a second document. Changing is: an open
document is replaced, and one that is so already stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from crossdock.sandbox.journal import Entry, Journal

ENTITY = "sales_order"
HEAD = ("DocumentId", "Status", "CreatedAt")  # what the ERP itself says of a document


class SalesOrders:
    """The documents by their id; the caller holds the ERP's lock.

    ``customers`` is what the ERP knows of them, or None where it knows everybody, and
    ``closed_before`` ends the open booking period.
    """

    def __init__(
        self,
        journal: Journal,
        customers: Mapping[str, Any] | None,
        closed_before: datetime | None,
    ) -> None:
        self._journal = journal
        self._customers = customers
        self._closed_before = closed_before
        self._documents: dict[str, dict[str, Any]] = {}
        self._by_number: dict[str, list[str]] = {}

    def apply(self, entry: Entry) -> None:
        """Take an entry of the journal over into the state."""
        ident = entry.their_id
        if entry.kind == "changed":
            self._documents[ident] = {**self._documents[ident], **entry.body}
        elif entry.operation == "change":
            known = self._documents[ident]
            head = {name: known[name] for name in HEAD}
            self._documents[ident] = {**head, **entry.body}
        else:
            head = {"DocumentId": ident, "Status": "Open", "CreatedAt": entry.at}
            self._documents[ident] = {**head, **entry.body}
            self._by_number.setdefault(entry.reference, []).append(ident)

    def find(self, numbers: Iterable[str]) -> list[dict[str, Any]]:
        """Give the documents that have one of these order numbers."""
        return [
            self._documents[ident]
            for number in numbers
            for ident in self._by_number.get(number, ())
        ]

    def close(self, ident: str) -> None:
        """Close a document, as the ERP's own staff would; it is journalled. Raises KeyError."""
        number = self._documents[ident]["OrderNo"]
        body = {"Status": "Closed"}
        self._keep(self._journal.entry("changed", ENTITY, ident, body, reference=number))

    def create(self, order: dict[str, Any]) -> dict[str, Any]:
        """Book an order; gives the result for the caller. The same order again is booked again."""
        objection = self._objection(order)
        if objection:
            return self._refuse(order, "create", *objection)
        return self._accept(order, "create", f"SO-{len(self._documents) + 1:06}")

    def change(self, order: dict[str, Any]) -> dict[str, Any]:
        """Replace an open document; gives the result for the caller.

        It is named by its DocumentId where that is given, else by its order number, which must
        then be of one document only. What is so already is a yes without another effect.
        """
        asked = order.pop("DocumentId", None)
        known = self._by_number.get(order["OrderNo"], [])
        found = [ident for ident in known if asked in (None, ident)]
        if not found:
            return self._refuse(order, "change", "DOCUMENT_UNKNOWN", "There is no such document.")
        if len(found) > 1:
            message = f"{len(found)} documents have this order number."
            return self._refuse(order, "change", "AMBIGUOUS", message)
        document = self._documents[found[0]]
        if document["Status"] != "Open":
            return self._refuse(order, "change", "DOCUMENT_CLOSED", "The document is closed.")
        objection = self._objection(order)
        if objection:
            return self._refuse(order, "change", *objection)
        if order == {name: value for name, value in document.items() if name not in HEAD}:
            return _yes(order, found[0])
        return self._accept(order, "change", found[0])

    def _accept(self, order: dict[str, Any], operation: str, ident: str) -> dict[str, Any]:
        self._keep(
            self._journal.entry(
                "accepted",
                ENTITY,
                ident,
                order,
                reference=order["OrderNo"],
                amount=order["Total"],
                currency=order["Currency"],
                operation=operation,
            )
        )
        return _yes(order, ident)

    def _refuse(
        self, order: dict[str, Any], operation: str, code: str, message: str
    ) -> dict[str, Any]:
        number = order["OrderNo"]
        self._journal.write(
            self._journal.entry(
                "refused", ENTITY, "", order, reference=number, message=message,
                operation=operation,
            )
        )  # fmt: skip
        return {"Succeeded": "false", "Reference": number, "Code": code, "Message": message}

    def _keep(self, entry: Entry) -> None:
        self._journal.write(entry)
        self.apply(entry)

    def _objection(self, order: dict[str, Any]) -> tuple[str, str] | None:
        """Say why the ERP does not book this order, as (code, message)."""
        if self._customers is not None and order["CustomerNo"] not in self._customers:
            return "CUSTOMER_UNKNOWN", "There is no customer with this number."
        lines = sum((Decimal(line["Amount"]) for line in order["Lines"]["Line"]), Decimal(0))
        if lines != Decimal(order["Total"]):
            return "TOTAL_WRONG", f"The total is not the sum of the lines, {lines}."
        date = datetime.fromisoformat(order["OrderDate"])
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        if self._closed_before and date < self._closed_before:
            return "PERIOD_CLOSED", "The order date is in a closed period."
        return None


def _yes(order: Mapping[str, Any], ident: str) -> dict[str, Any]:
    return {"Succeeded": "true", "Reference": order["OrderNo"], "DocumentId": ident}
