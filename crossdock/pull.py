"""pull: from a system's stream to raw batches. Bytes are durable before anything parses them."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock import again, systems
from crossdock.batch import BatchFiles
from crossdock.connector import Connector, Page, Reads
from crossdock.errors import Misconfigured, Unreadable
from crossdock.flows import Flow, Leg
from crossdock.home import Home
from crossdock.landing import Landing
from crossdock.objects import Kept, Objects
from crossdock.pulled import Landed, Taken, Unchanged, commit
from crossdock.runs import Run
from crossdock.store import Store, schema
from crossdock.store.shared import opened_system
from crossdock.store.versions import latest
from crossdock.webhooks.feed import Feed


def _silent() -> None:
    """Tell nobody."""


def pull(
    home: Home, store: Store, flow: Flow, run: Run, news: Callable[[], None] = _silent
) -> list[str]:
    """Read every leg's stream from its cursor; give the ids of the batches that bring news.

    ``news`` is called when bytes came that were not seen before.

    A run that was interrupted gets its own batches back and reads only what it has not yet read.
    Raises TryLater, Misconfigured; whatever it raises, no cursor has moved.
    """
    with store.reading() as connection:
        done = set(
            connection.execute(
                sa.select(schema.intake.c.leg).where(schema.intake.c.run_id == run.id)
            ).scalars()
        )
    scratch = home.scratch / f"pull-{run.id}"
    shutil.rmtree(scratch, ignore_errors=True)  # of an attempt that was killed
    if done.issuperset(leg.number for leg in flow.legs):
        return batch_ids(store, run.id)
    if not done:
        again.take_up(store, Objects(home), flow, run)
    scratch.mkdir(parents=True, mode=0o700)
    try:
        for legs in _together(home, store, flow):
            if not done.issuperset(leg.number for leg, _, _ in legs):
                _pull_together(home, store, flow, run, legs, scratch, news)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return batch_ids(store, run.id)


def batch_ids(store: Store, run_id: str) -> list[str]:
    """List the batches of a run, masters before documents, in the order of the legs."""
    table = schema.batch
    with store.reading() as connection:
        return list(
            connection.execute(
                sa.select(table.c.id)
                .where(table.c.run_id == run_id)
                .order_by(table.c.leg, table.c.number)
            ).scalars()
        )


def _together(home: Home, store: Store, flow: Flow) -> list[list[tuple[Leg, Connector, Reads]]]:
    """Group legs that are fed by the same bytes: a stream, and those derived ``of`` it."""
    opened: dict[str, Connector] = {}
    groups: dict[tuple[str, str], list[tuple[Leg, Connector, Reads]]] = {}
    for leg in flow.legs:
        if leg.system not in opened:
            opened[leg.system] = opened_system(home, store, leg.system)
        connector = opened[leg.system]
        stream = systems.stream_of(connector, leg.stream)
        if not isinstance(stream, Reads):
            raise flow.page.wrong(
                f"{leg.system}.{leg.stream} takes documents, it offers none", "legs", leg.number
            )
        source = str(stream.options.get("of") or stream.name)
        groups.setdefault((leg.system, source), []).append((leg, connector, stream))
    for (_, source), members in groups.items():
        members.sort(key=lambda member: member[2].name != source)
        if members[0][2].name != source:
            raise flow.page.wrong(
                f"{members[0][2].name} is made of the stream {source}, which no leg pulls",
                "legs",
                members[0][0].number,
                fix=f"add a leg that pulls {members[0][0].system}.{source}",
            )
    return list(groups.values())


def _pull_together(
    home: Home,
    store: Store,
    flow: Flow,
    run: Run,
    members: Sequence[tuple[Leg, Connector, Reads]],
    scratch: Path,
    news: Callable[[], None],
) -> None:
    leg, connector, stream = members[0]
    objects = Objects(home)
    before = _cursor(store, flow, leg)
    landings = [
        Landing(one, scratch, batch_lines=flow.batch_lines) for _, _, one in members
    ]
    same = [Unchanged() for _ in members]
    pages: list[Landed] = []
    after = before
    feed = Feed(store, objects, flow.name, connector, stream)
    try:
        for landed in _reread(store, objects, flow, leg, scratch):
            pages.append(landed)
            _parse(connector, feed, landed, landings)
        for page in feed.pages(before):
            landed = _land(store, objects, run, leg, page, scratch)
            pages.append(landed)
            after = page.cursor if page.cursor is not None else after
            if landed.row["state"] == "unchanged":
                _again(store, landed, members, same)
            elif landed.row["state"] == "landed":
                news()
                _parse(connector, feed, landed, landings)
            landed.row.pop("plain", None)
        taken = [
            _batches(store, objects, run, member[0], member[2], landing, unchanged, feed)
            for member, landing, unchanged in zip(members, landings, same, strict=True)
        ]
        commit(store, flow, run, pages, taken, before, after, feed)
        for landed in pages:
            if landed.page is not None:
                feed.landed(landed.page)
    finally:
        connector.close()


def _cursor(store: Store, flow: Flow, leg: Leg) -> str | None:
    table = schema.cursor
    with store.reading() as connection:
        return connection.execute(
            sa.select(table.c.value).where(
                table.c.flow == flow.name,
                table.c.system == leg.system,
                table.c.stream == leg.stream,
            )
        ).scalar_one_or_none()


def _land(
    store: Store, objects: Objects, run: Run, leg: Leg, page: Page, scratch: Path
) -> Landed:
    """Make the page's bytes durable; say whether they are the ones seen last under this name."""
    plain = scratch / uuid.uuid4().hex
    sha256 = _private_copy(page.body, plain)
    if page.temporary and isinstance(page.body, Path):
        page.body.unlink(missing_ok=True)
    row: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "run_id": run.id,
        "system": leg.system,
        "stream": leg.stream,
        "name": page.name,
        "media": page.media,
        "sha256": sha256,
        "size": plain.stat().st_size,
        "received_at": datetime.now(UTC),
        "reason": None,
        "plain": plain,
    }
    known = _seen_last(store, leg, page.name)
    if known is not None and known.sha256 == sha256 and known.state != "erased":
        if page.once and known.state == "landed":  # others may have brought newer versions since
            row |= {"state": "landed", "path": known.path, "wrapped_key": known.wrapped_key}
            return Landed(row, page)
        first = known.reason if known.state == "unchanged" else known.id
        row |= {"state": "unchanged", "reason": first}  # unreadable ones are held already
        row |= {"path": known.path, "wrapped_key": known.wrapped_key}
        return Landed(row, page)
    kept: Kept = objects.keep(plain)
    row |= {"state": "landed", "path": kept.path, "wrapped_key": kept.wrapped_key}
    if row["size"] == 0:
        row |= {"state": "unreadable", "reason": "the file is empty"}
    return Landed(row, page)


def _private_copy(body: bytes | Path, plain: Path) -> str:
    """Copy the bytes once, hashing on the way, so that all later steps see the same ones."""
    digest = hashlib.sha256()
    with plain.open("wb") as file:
        if isinstance(body, bytes):
            digest.update(body)
            file.write(body)
        else:
            with body.open("rb") as source:
                while frame := source.read(1 << 20):
                    digest.update(frame)
                    file.write(frame)
    return digest.hexdigest()


def _seen_last(store: Store, leg: Leg, name: str) -> Any:
    table = schema.kept_object
    with store.reading() as connection:
        return connection.execute(
            sa.select(table)
            .where(
                table.c.system == leg.system,
                table.c.stream == leg.stream,
                table.c.name == name,
            )
            .order_by(table.c.seq.desc())
            .limit(1)
        ).one_or_none()


def _reread(
    store: Store, objects: Objects, flow: Flow, leg: Leg, scratch: Path
) -> Iterator[Landed]:
    """Open kept bytes again that could not be read, where a steward asks for it."""
    table = schema.kept_object
    with store.reading() as connection:
        ids = again.objects(connection, flow, leg)
        rows = connection.execute(
            sa.select(table).where(table.c.id.in_(ids), table.c.wrapped_key.is_not(None))
        ).all()
    for row in rows:
        plain = scratch / uuid.uuid4().hex
        with plain.open("wb") as file:
            for frame in objects.open(Kept(row.sha256, row.size, row.path, row.wrapped_key)):
                file.write(frame)
        yield Landed({**row._asdict(), "state": "landed", "reason": None, "plain": plain}, None)


def _parse(
    connector: Connector, feed: Feed, landed: Landed, landings: Sequence[Landing]
) -> None:
    stream = feed.stream_of(landed.row["id"], landed.row["name"])
    if stream is None:  # it says that something is new, and not what
        return
    for landing in landings:
        landing.mark()
    before = [landing.intake.lines for landing in landings]
    try:
        for table in connector.tables(stream, landed.row["media"], landed.row["plain"]):
            for landing in landings:
                landing.add(table, landed.row["id"])
        landed.lines = {
            landing.stream.name: landing.intake.lines - lines
            for landing, lines in zip(landings, before, strict=True)
        }
    except Misconfigured:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a parser throws, the bytes are held
        for landing in landings:
            landing.back_to()
        words = str(error) if isinstance(error, Unreadable) else type(error).__name__
        landed.row |= {"state": "unreadable", "reason": words}
    finally:
        landed.row.pop("plain").unlink(missing_ok=True)


def _again(
    store: Store,
    landed: Landed,
    members: Sequence[tuple[Leg, Connector, Reads]],
    same: Sequence[Unchanged],
) -> None:
    """Book an object whose very bytes were seen last: all its records are unchanged."""
    first = landed.row["reason"]
    landed.row["plain"].unlink(missing_ok=True)
    versions = schema.record_version
    with store.reading() as connection:
        counts = json.loads(
            connection.execute(
                sa.select(schema.kept_object.c.counts).where(schema.kept_object.c.id == first)
            ).scalar_one()
        )
        for (_, _, stream), unchanged in zip(members, same, strict=True):
            known = counts.get(stream.name, {})
            records, amounts = unchanged.records, dict(unchanged.amounts)
            unchanged.lines += known.get("lines", 0)
            unchanged.unread.lines += known.get("lines", 0)
            unchanged.digest = landed.row["sha256"]
            for entity, by_currency in known.get("unchanged", {}).items():
                for currency, (count, amount) in by_currency.items():
                    unchanged.book(first, entity, currency, count, Decimal(amount))
            rows = connection.execute(
                sa.select(
                    versions.c.entity,
                    versions.c.currency,
                    sa.func.count(),
                    sa.func.sum(versions.c.amount, type_=schema.Exact()),
                )
                .where(versions.c.object_id == first, versions.c.stream == stream.name)
                .group_by(versions.c.entity, versions.c.currency)
            ).all()
            for entity, currency, count, amount in rows:
                unchanged.book(first, entity, currency, int(count), amount or Decimal(0))
            unread = unchanged.unread
            unread.records += unchanged.records - records
            for currency, amount in unchanged.amounts.items():
                more = amount - amounts.get(currency, Decimal(0))
                unread.amounts[currency] = unread.amounts.get(currency, Decimal(0)) + more


def _batches(
    store: Store,
    objects: Objects,
    run: Run,
    leg: Leg,
    stream: Reads,
    landing: Landing,
    unchanged: Unchanged,
    feed: Feed,
) -> Taken:
    taken = Taken(leg, stream, landing.intake, unchanged)
    any_known = _any_version(store, leg)
    for number, raw in enumerate(landing.batches()):
        if any_known or not stream.group:
            news = _news(store, leg, raw, unchanged, feed.late(raw))
        else:
            news = raw
        if news.num_rows == 0:
            continue
        batch_id = f"{run.id}/{leg.number}-{number}"
        path = BatchFiles(objects, batch_id).write("pull", {"raw": news}, anew=True)
        taken.batches.append(
            {
                "id": batch_id,
                "run_id": run.id,
                "leg": leg.number,
                "number": number,
                "lines": _lines(news),
                "records": news.num_rows,
                "amounts": _amounts(news),
                "state": "pulled",
                "steps": json.dumps({"pull": path}),
            }
        )
    return taken


def _amounts(raw: pa.Table) -> str:
    pairs = raw.select(["currency", "amount"]).group_by("currency").aggregate([("amount", "sum")])
    return json.dumps(
        {
            currency: str(amount or 0)
            for currency, amount in zip(
                pairs["currency"].to_pylist(), pairs["amount_sum"].to_pylist(), strict=True
            )
        }
    )


def _any_version(store: Store, leg: Leg) -> bool:
    table = schema.record_version
    with store.reading() as connection:
        return (
            connection.execute(
                sa.select(table.c.id)
                .where(table.c.system == leg.system, table.c.stream == leg.stream)
                .limit(1)
            ).one_or_none()
            is not None
        )


def _news(
    store: Store, leg: Leg, raw: pa.Table, unchanged: Unchanged, late: set[int]
) -> pa.Table:
    """Keep the records whose content differs from the latest known; book the others.

    Where one pull brings a key several times, equal neighbours are one observation. The rows in
    ``late`` are older than what is known already.
    """
    with store.reading() as connection:
        known = latest(connection, leg.system, leg.stream, pc.unique(raw["key"]))
    last = dict(zip(known["key"].to_pylist(), known["hash"].to_pylist(), strict=True))
    entity_of = dict(zip(known["key"].to_pylist(), known["entity"].to_pylist(), strict=True))
    fresh = []
    old: list[int] = []
    for row, (key, digest) in enumerate(
        zip(raw["key"].to_pylist(), raw["hash"].to_pylist(), strict=True)
    ):
        if last.get(key) == digest or row in late:
            old.append(row)
        else:
            fresh.append(row)
            last[key] = digest
    if not old:
        return raw
    again = raw.take(pa.array(old))
    unchanged.lines += _lines(again)
    unchanged.keys += again["key"].to_pylist()
    for key, object_id, currency, amount in zip(
        again["key"].to_pylist(),
        again["object"].to_pylist(),
        again["currency"].to_pylist(),
        again["amount"].to_pylist(),
        strict=True,
    ):
        unchanged.book(object_id, entity_of.get(key, ""), currency, 1, amount or Decimal(0))
    return raw.take(pa.array(fresh, pa.int64()))


def _lines(raw: pa.Table) -> int:
    if "rows" in raw.column_names:
        return int(pc.sum(pc.list_value_length(raw["rows"])).as_py() or 0)
    return int(raw.num_rows)
