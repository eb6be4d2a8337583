"""The streams of a trading partner: what is read from and written to its folders, by message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossdock.errors import Refused
from crossdock.streams import Reads, Writes

_MONEY = {"sum": "total", "currency": "currency"}
_MANY = 500


def _reads(
    name: str, message: str, *key: str, money: Mapping[str, Any] | None = None, **more: str
) -> Reads:
    options = {"folder": "out", "archive": "archive", "message": message, **more}
    return Reads(name, key, media="edifact", money=money, options=options)


def _writes(
    name: str, message: str, key: str = "number", *, money: str = "", batch: int = 1, **more: str
) -> Writes:
    options = {"folder": "in", "archive": "archive", "message": message, **more}
    return Writes(
        name=name, key=(key,), delivery="upsert", money=money, batch=batch, options=options
    )


READS = (
    _reads("orders", "ORDERS", "buyer_gln", "number", money=_MONEY),
    _reads("order_changes", "ORDCHG", "buyer_gln", "number", money=_MONEY),
    _reads("order_responses", "ORDRSP", "supplier_gln", "number"),
    _reads("despatch_advices", "DESADV", "supplier_gln", "number"),
    _reads("receiving_advices", "RECADV", "buyer_gln", "number"),
    _reads("invoices", "INVOIC", "supplier_gln", "number", money=_MONEY),
    _reads("remittances", "REMADV", "payer_gln", "number", money=_MONEY),
    _reads("catalogue", "PRICAT", "supplier_gln", "article", each="lines"),
    _reads(
        "catalogue_prices",
        "PRICAT",
        *("supplier_gln", "article", "kind", "currency"),
        each="prices",
        of="catalogue",
    ),
    _reads("stock_reports", "INVRPT", "sender", "article", "location", each="levels"),
    _reads("sales_reports", "SLSRPT", "reporter_gln", "number", money=_MONEY),
)
"""Streams that are read. ``each`` names the list whose entries are records, not the message."""

WRITES = (
    _writes("orders_out", "ORDERS", money="lines.amount", change="ORDCHG"),
    _writes("order_responses_out", "ORDRSP"),
    _writes("despatch_advices_out", "DESADV"),
    _writes("receiving_advices_out", "RECADV"),
    _writes("invoices_out", "INVOIC", money="total"),
    _writes("remittances_out", "REMADV", money="total"),
    _writes("catalogue_out", "PRICAT", "article", each="lines", batch=_MANY, change="PRICAT"),
    _writes("stock_reports_out", "INVRPT", "article", each="levels", batch=_MANY, change="INVRPT"),
    _writes("sales_reports_out", "SLSRPT", money="total", change="SLSRPT"),
)
"""Streams that are written. ``change`` is the message that says a change; without it, none may."""


def made_of(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a stream of a system's YAML by what is usual for its ``message``.

    Raises ValueError for a message that is not offered.
    """
    message = spec.get("message", "ORDERS")
    offered: tuple[Reads | Writes, ...] = WRITES if "delivery" in spec else READS
    usual = next(
        (
            one
            for one in offered
            if one.options["message"] == message and ("of" in spec) == ("of" in one.options)
        ),
        None,
    )
    if usual is None:
        known = ", ".join(dict.fromkeys(str(one.options["message"]) for one in offered))
        raise ValueError(f"message {message!r} is not offered; known: {known}")
    merged = {**usual.options, "key": usual.key, "money": usual.money, **spec}
    if isinstance(usual, Reads):
        merged.setdefault("media", usual.media)
    else:
        merged.setdefault("batch", usual.batch)
    unknown = set(merged) - set(usual.options) - set(vars(usual)) - {"delivery"}
    if unknown:
        known = ", ".join(sorted(usual.options))
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}; known: {known}")
    return merged


def change_of(stream: Writes) -> str:
    """Name the message that says a change of what ``stream`` has sent; raises Refused."""
    change = str(stream.options.get("change") or "")
    if not change:
        message = stream.options["message"]
        raise Refused(
            f"{message} that was sent is not changed by another {message}",
            fix="take it back with a document of its own",
        )
    return change
