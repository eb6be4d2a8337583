"""A rehearsal with a simulated partner: the real connector, on folders that are thrown away."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossdock import systems
from crossdock.connector import Connector, Parcel, World
from crossdock.edi.contrl_reader import statements
from crossdock.edi.interchange import Message
from crossdock.edi.partner import Partner
from crossdock.edi.reader import read
from crossdock.errors import CrossdockError
from crossdock.home import Home
from crossdock.sandbox.counterparty import Counterparty

Result = tuple[bool, str]

ORDER: Mapping[str, Any] = {
    "number": "TEST-1",
    "date": "2026-09-01",
    "currency": "EUR",
    "lines": [{"line": "1", "gtin": "4006381333931", "quantity": "3", "price": "1.5",
               "amount": "4.5"}],
}  # fmt: skip


def rehearse(home: Home, known: Partner) -> Result:
    """Send an order to the simulated partner, hear its CONTRL and read what it answers.

    Gives whether all went well, and what was seen.
    """
    kind = systems.connector_class(home, "edifact")
    with tempfile.TemporaryDirectory(prefix="crossdock-rehearsal-") as temporary:
        folder = Path(temporary)
        (folder / "scratch").mkdir()
        settings = {
            "partner": known.name,
            "folder": str(folder / "partner"),
            "references": str(folder / "references"),
        }
        connector: Any = kind(**settings)
        connector.bind("rehearsal", World(home.project, folder / "scratch"), {})
        other = Counterparty(
            folder / "partner", us=known.them, them=known.us, layout=known.layout, test=True
        )
        try:
            return _played(connector, other, folder)
        finally:
            connector.close()


def _played(connector: Any, other: Counterparty, folder: Path) -> Result:
    stream = connector.writes()["orders_out"]
    (outcome,) = connector.write(stream, [Parcel("TEST-1", "rehearsal", "create", ORDER)])
    if outcome.verdict not in {"delivered", "accepted"}:
        return False, f"our ORDERS is refused: {outcome.message}"
    other.work()
    heard = []
    for known, page in list(connector.replies()):
        heard += [f"{one.kind} {one.verdict}" for one in _said(page.body)]
        connector.landed(known, page)
    if heard != ["CONTRL accepted"]:
        return False, f"we heard {', '.join(heard) or 'nothing'}"
    read_in, fault = _read_in(connector, folder)
    if fault:
        return False, fault
    return True, f"ORDERS sent, {', '.join([*heard, *read_in])}"


def _said(body: Path) -> list[Any]:
    found = [one for item in read(body) if isinstance(item, Message) for one in statements(item)]
    body.unlink()
    return found


def _read_in(connector: Connector, folder: Path) -> tuple[list[str], str]:
    """Read what the partner sent by its streams; the second is why that did not go well."""
    seen: list[str] = []
    for name, stream in connector.reads().items():
        for page in connector.read(stream, None):
            assert isinstance(page.body, Path)  # noqa: S101 - the connector fetches into files
            try:
                tables = list(connector.tables(stream, page.media, page.body))
            except CrossdockError as error:
                return seen, f"{page.name}: {error}"
            connector.landed(stream, page)
            for row in (row for table in tables for row in table.to_pylist()):
                if row["_fault"]:
                    return seen, f"{page.name}: {row['_fault']}"
                seen.append(f"{name} {json.loads(row['json'])['number']}")
    return seen, ""
