"""Judge documents by the declared checks: outgoing ones before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock.connector import Connector, Writes
from crossdock.edi.family.case import CHECKS, Case, Document, Misfit
from crossdock.edi.family.declared import Declared, for_partner, load, shown
from crossdock.edi.family.lookup import BOUGHT, SOLD, relatives
from crossdock.edi.partner import Partner
from crossdock.flows import Route
from crossdock.home import Home
from crossdock.store import Store, bulk, schema

FAULTS = pa.schema(
    [
        ("record", pa.int32()),
        ("rule", pa.string()),
        ("path", pa.string()),
        ("line", pa.int32()),
        ("value", pa.string()),
        ("message", pa.string()),
    ]
)
CAUSE = "order family"
_GONE = ("delivered", "accepted", "uncertain")

Found = tuple[Declared, Misfit, str]
"""A check that is not kept, where, and in words."""


def file_of(project: Path) -> Path:
    """Give the file of the checks: the project's own, else the one that Crossdock brings."""
    own = project / "edi" / "family.yaml"
    if own.is_file():
        return own
    from crossdock.init import content

    return content() / "edi" / "family.yaml"


def judge_for(
    home: Home, store: Store, route: Route, connector: Connector, stream: Writes
) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """Give the function that judges what is about to leave by ``route``.

    It takes rows of the outbox and their documents, and gives faults (columns of ``FAULTS``) by
    the row's number; what a steward released is not at fault again.
    """
    partner: Partner = connector.known  # type: ignore[attr-defined]
    checks = for_partner(load(file_of(home.project)), partner.family, partner.source)
    life = getattr(connector, "life", None)

    def of_rows(rows: pa.Table, canonical: pa.Table) -> pa.Table:
        batch = canonical.to_pylist()
        live = life is None or life.state(partner.name) == "live"
        sent = _sent_before(store, route, rows)
        passed = _released(store, rows)
        cases = _cases(store, route.entity, batch, partner, live)
        faults = []
        for number, case in enumerate(cases):
            row = rows["id"][number].as_py()
            case.before = row in sent
            for declared, misfit, words in judge(case, checks):
                overridden = declared.override and declared.name in passed.get(row, ())
                if declared.severity == "hold" and not overridden:
                    faults.append(_fault(number, declared, misfit, words))
        return pa.Table.from_pylist(faults, schema=FAULTS)

    return of_rows


def judge(case: Case, checks: Mapping[str, Declared]) -> Iterator[Found]:
    """Ask every check that is declared for the document; a check that fails is not kept."""
    for declared in checks.values():
        if declared.severity == "off" or case.entity not in declared.documents:
            continue
        try:
            for misfit in CHECKS[declared.name](case):
                yield declared, misfit, declared.words(misfit)
        except Exception as error:  # noqa: BLE001 - what cannot be judged does not leave
            words = f"it could not be judged: {type(error).__name__}"
            yield declared, Misfit(""), words


def _cases(
    store: Store, entity: str, batch: Sequence[Document], partner: Partner, live: bool
) -> Iterator[Case]:
    orders = BOUGHT if entity == "receiving_advice" else SOLD
    found = relatives(store, batch if entity not in {SOLD, BOUGHT} else [], orders)
    for document in batch:
        yield Case(
            entity=entity,
            document=document,
            families=found.families_of(document),
            known=found.known_to(document),
            taken=found.taken_from(document),
            partner_glns=frozenset({partner.them.id, *partner.glns}),
            live=live,
            test=partner.test,
        )


def misfits(
    store: Store,
    entity: str,
    batch: Sequence[Document],
    checks: Mapping[str, Declared],
    orders: str,
) -> Iterator[tuple[int, str]]:
    """Say what does not fit of documents that came in: the place in ``batch``, and words."""
    found = relatives(store, batch, orders)
    for number, document in enumerate(batch):
        case = Case(entity, document, found.families_of(document), found.known_to(document),
                    found.taken_from(document))  # fmt: skip
        for declared, misfit, words in judge(case, checks):
            if declared.severity == "hold":
                at = f"line {misfit.line}: " if misfit.line else ""
                yield number, f"{at}{words}"


def judged_here(
    store: Store, entity: str, document: Document, checks: Mapping[str, Declared], *, bought: bool
) -> list[Found]:
    """Judge one document that is in the hub, of whichever direction, without its partner."""
    found = relatives(store, [document], BOUGHT if bought else SOLD)
    case = Case(entity, document, found.families_of(document), found.known_to(document),
                found.taken_from(document))  # fmt: skip
    return list(judge(case, checks))


def _sent_before(store: Store, route: Route, rows: pa.Table) -> set[int]:
    """Name the rows of the outbox whose document this target has in another version."""
    table = schema.outbox
    wanted = {
        row["document_id"]: (row["id"], row["document_version"])
        for row in rows.select(["id", "document_id", "document_version"]).to_pylist()
    }
    with store.reading() as connection:
        found = connection.execute(
            sa.select(table.c.document_id, table.c.document_version).where(
                table.c.target == route.target,
                table.c.entity == route.entity,
                table.c.state.in_(_GONE),
                bulk.among(table.c.document_id, rows["document_id"], store.dialect),
            )
        ).all()
    return {wanted[one.document_id][0] for one in found
            if wanted[one.document_id][1] != one.document_version}  # fmt: skip


def _released(store: Store, rows: pa.Table) -> dict[int, set[str]]:
    """Give the checks that a steward let pass, by row of the outbox."""
    hold, verdict = schema.hold, schema.verdict
    with store.reading() as connection:
        found = connection.execute(
            sa.select(hold.c.outbox_id, verdict.c.rule)
            .join(verdict, verdict.c.hold_id == hold.c.id)
            .where(
                hold.c.cause == CAUSE,
                hold.c.state == "released",
                bulk.among(hold.c.outbox_id, rows["id"], store.dialect),
            )
        )
        passed: dict[int, set[str]] = {}
        for outbox_id, rule in found:
            passed.setdefault(outbox_id, set()).add(rule)
    return passed


def _fault(number: int, declared: Declared, misfit: Misfit, words: str) -> dict[str, Any]:
    return {
        "record": number,
        "rule": declared.name,
        "path": misfit.field,
        "line": misfit.line,
        "value": None if misfit.value is None else shown(misfit.value),
        "message": words,
    }
