"""Let go what was held because nobody knew its sender, once the partner exists or is live."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crossdock import quarantine
from crossdock.edi import strangers
from crossdock.edi.account import Account
from crossdock.store import edi_tables, schema

WHO = "crossdock"


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
    if known:
        reason = "the sender is a partner now"
        quarantine.resubmit(account.store, [row.id for row in known], who=WHO, reason=reason)
        table = edi_tables.received  # what was refused is answered anew
        with account.store.writing() as connection:
            connection.execute(
                table.delete().where(table.c.object_id.in_([row.object_id for row in known]))
            )
    return len(known)


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
