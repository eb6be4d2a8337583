"""How far a partner is: new, testing, live; and the checklist that stands before live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from crossdock import audit
from crossdock.errors import Misconfigured
from crossdock.store import Store, edi_tables

STATES = ("new", "testing", "live")


class StoreLife:
    """The partners' states in the store (``crossdock.edi.strangers.PartnerLife``).

    A partner that was never set up by ``edi partner new`` is live: somebody wrote the file by hand.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def state(self, partner: str) -> str:
        """Give the partner's state."""
        table = edi_tables.life
        with self._store.reading() as connection:
            found = connection.execute(
                sa.select(table.c.state).where(table.c.partner == partner)
            ).scalar_one_or_none()
        return str(found or "live")

    def states(self) -> dict[str, Any]:
        """Give state, since when and by whom, of every partner that was set up here."""
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(edi_tables.life)).mappings().all()
        return {row["partner"]: dict(row) for row in rows}

    def move(self, partner: str, state: str, who: str, detail: Mapping[str, Any]) -> None:
        """Write the partner's new state, with an entry in the audit trail."""
        if state not in STATES:
            raise Misconfigured(f"a partner is never {state!r}", fix=", ".join(STATES))
        table = edi_tables.life
        values = {"state": state, "who": who, "since": datetime.now(UTC)}
        with self._store.writing() as connection:
            changed = connection.execute(
                table.update().where(table.c.partner == partner).values(**values)
            ).rowcount
            if not changed:
                connection.execute(table.insert().values(partner=partner, **values))
            audit.write(connection, who, f"edi.partner.{state}", f"partner/{partner}", detail)

    def results(self, partner: str, fingerprint: str) -> dict[str, dict[str, Any]]:
        """Give the checklist's results that still hold: those of the very same files."""
        table = edi_tables.checked
        with self._store.reading() as connection:
            rows = connection.execute(
                sa.select(table).where(
                    table.c.partner == partner, table.c.fingerprint == fingerprint
                )
            ).mappings()
            return {row["item"]: dict(row) for row in rows}

    def note(self, partner: str, fingerprint: str, results: Mapping[str, tuple[bool, str]]) -> None:
        """Write the results of a checklist down, in place of earlier ones."""
        table = edi_tables.checked
        now = datetime.now(UTC)
        rows = [
            {"partner": partner, "item": item, "ok": ok, "detail": detail,
             "fingerprint": fingerprint, "at": now}
            for item, (ok, detail) in results.items()
        ]  # fmt: skip
        with self._store.writing() as connection:
            connection.execute(table.delete().where(table.c.partner == partner))
            if rows:
                connection.execute(table.insert(), rows)
