"""The shapes of all messages that become documents, and that documents become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from crossdock.edi import packing, worked_out
from crossdock.edi.shape import Line, parse
from crossdock.edi.shapes import catalogue, despatch, invoice, order, report

Document = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """One message type: its lines, and what pairs of segment and field cannot say.

    ``finish`` completes a document that was read, ``prepare`` makes of a document what the lines
    write; ``wants`` are fields and lists without which nothing is sent.
    """

    text: str
    wants: tuple[str, ...] = ()
    finish: Callable[[Document], None] | None = None
    prepare: Callable[[Mapping[str, Any]], Document] | None = None


SHAPES: Mapping[str, Shape] = {
    "ORDERS": Shape(order.ORDERS, ("lines",), worked_out.order),
    "ORDCHG": Shape(order.ORDCHG, (), worked_out.order),
    "ORDRSP": Shape(order.ORDRSP, (), worked_out.answer),
    "DESADV": Shape(despatch.DESADV, ("lines",), packing.unpacked, packing.packed),
    "RECADV": Shape(despatch.RECADV, ("lines",), packing.received, packing.receiving),
    "INVOIC": Shape(invoice.INVOIC, ("lines",), worked_out.invoice),
    "REMADV": Shape(invoice.REMADV, ("documents",), worked_out.remittance),
    "PRICAT": Shape(catalogue.PRICAT, ("lines",), worked_out.catalogue, worked_out.listed),
    "INVRPT": Shape(report.INVRPT, ("levels",), worked_out.stock, worked_out.counted),
    "SLSRPT": Shape(report.SLSRPT, ("lines",), worked_out.sales, worked_out.placed),
}
"""Message types by name."""


@cache
def lines_of(name: str, directory: str) -> tuple[Line, Line]:
    """Give head and summary of a shape in a directory."""
    return parse(SHAPES[name].text, directory)
