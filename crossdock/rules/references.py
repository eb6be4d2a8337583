"""References to other documents, and money that goes back."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows, whole
from crossdock.rules.contract import CommerceRule, Fault, option
from crossdock.rules.lookup import found_for


class ReferenceExists(CommerceRule):
    """What a field refers to is known in the hub. A missing reference is no fault of this rule."""

    name = "reference_exists"
    levels = ("document", "lines")
    message = "{value} is not known yet"

    field: str = option("field with the reference", kind="field")
    entity: str = option("entity that it refers to", kind="entity")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Ask for each different id once."""
        coded = rows.column(self.field).dictionary_encode()
        known = whole(history.known(self.entity, coded.dictionary))
        yield Fault(self.field, pc.invert(known.take(coded.indices)))


class RefundWithinInvoice(CommerceRule):
    """A credit note gives back no more than is left of the invoice that it credits.

    Amounts are compared without their sign, since sources differ in it. Not judged where the
    invoice is not known or is in another currency.
    """

    name = "refund_within_invoice"
    needs = ("original_id", "total_amount", "currency", "type_code")
    message = "{value} is given back, but only {expected} is left of the invoice"

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Look up what is left of each invoice and compare."""
        original = rows.column("original_id")
        known = history.refundable(pc.unique(original.drop_null()))
        left = found_for(original, known["id"], known["amount"])
        currency = found_for(original, known["id"], known["currency"])
        more = pc.greater(pc.abs(rows.column("total_amount")), left)
        credit = pc.equal(rows.column("type_code"), "credit_note")
        same = pc.equal(currency, rows.column("currency"))
        yield Fault("total_amount", pc.and_(pc.and_(more, credit), same), expected=left)
