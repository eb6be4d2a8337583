"""Let go what was held because nobody knew its sender, once the partner exists or is live."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock import quarantine
from crossdock.edi import strangers
from crossdock.edi.account import Account
from crossdock.store import edi_tables, schema
from crossdock.store.engine import take_numbers

WHO = "crossdock"
_GLN = re.compile(rf"{strangers.LOCATION} (\S+)")


def release(account: Account, now: datetime) -> int:
    """Decide to read again what this account would take now; gives how many files."""
    hold = schema.hold
    with account.store.reading() as connection:
        rows = connection.execute(
            sa.select(hold.c.id, hold.c.object_id).where(
                hold.c.system == account.system,
                hold.c.cause == strangers.CAUSE,
                hold.c.subject == "object",
                hold.c.state == "open",
            )
        ).all()
        decided = set(
            connection.execute(
                sa.select(schema.decision.c.hold_id).where(schema.decision.c.state == "waiting")
            ).scalars()
        )
    known = [row for row in rows if row.id not in decided and _known(account, row)]
    again = _locations(account, now)
    if known:
        reason = "the sender is a partner now"
        quarantine.resubmit(account.store, [row.id for row in known], who=WHO, reason=reason)
        table = edi_tables.received  # what was refused is answered anew
        with account.store.writing() as connection:
            connection.execute(
                table.delete().where(table.c.object_id.in_([row.object_id for row in known]))
            )
    return len(known) + again


def name_strangers(account: Account) -> None:
    """Say of held documents why they are held: nobody knows a location in them."""
    hold = schema.hold
    with account.store.writing() as connection:
        connection.execute(
            hold.update()
            .where(
                hold.c.system == account.system,
                hold.c.subject == "record",
                hold.c.cause == "unreadable",
                hold.c.state == "open",
                hold.c.summary.startswith(f"{strangers.LOCATION} "),
            )
            .values(cause=strangers.CAUSE, rule="known_partner")
        )


def _locations(account: Account, now: datetime) -> int:
    """Have files read again whose documents name locations that are known by now.

    The held records were not readable, so they have no document: they are closed, and the kept
    bytes are read anew; what was read well before brings nothing new.
    """
    hold = schema.hold
    sides = {account.partner.us.id, account.partner.them.id, *account.partner.glns}
    with account.store.reading() as connection:
        rows = connection.execute(
            sa.select(hold).where(
                hold.c.system == account.system,
                hold.c.subject == "record",
                hold.c.cause == strangers.CAUSE,
                hold.c.state == "open",
            )
        ).all()
    known = [row for row in rows if (found := _GLN.match(row.summary)) and found[1] in sides]
    if not known:
        return 0
    reason = "its location is known now: the kept bytes are read again"
    quarantine.reject(account.store, [row.id for row in known], who=WHO, reason=reason)
    files = {row.object_id: row for row in known}
    with account.store.writing() as connection:
        first = take_numbers(connection, "hold", len(files))
        for at, row in enumerate(files.values()):
            values = row._asdict() | {"id": first + at, "subject": "object", "state": "open"}
            values |= {"version_id": None, "record": None, "amount": None, "closed_at": None}
            connection.execute(hold.insert().values(**values | {"opened_at": now}))
    numbers = range(first, first + len(files))
    quarantine.resubmit(account.store, list(numbers), who=WHO, reason=reason)
    return len(files)


def _known(account: Account, row: Any) -> bool:
    """Say whether the interchanges of a kept file have a known sender by now."""
    table = schema.kept_object
    with account.store.reading() as connection:
        kept = connection.execute(sa.select(table).where(table.c.id == row.object_id)).one()
    if kept.wrapped_key is None:
        return False
    with account.kept(kept) as path:
        found = account.connector.survey(path)
    return any(
        not {finding.code for finding in interchange.findings} & strangers.CODES.keys()
        for interchange in found
    )
