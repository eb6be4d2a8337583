"""What a pull takes of a stream: what webhooks brought, then what the system itself says.

The poll is the truth and comes last. A call that is older than what is known already brings
nothing new: calls come late, twice and in any order.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crossdock.batch import BatchFiles
from crossdock.connector import Connector, Page, Reads
from crossdock.errors import Unreadable
from crossdock.objects import Objects
from crossdock.store import Store, bulk, schema
from crossdock.watermark import instant
from crossdock.webhooks import inbox
from crossdock.webhooks.endpoint import Endpoint

_CALL = "webhook/"
_NEWS = "webhook/news/"
Order = tuple[Any, ...]


class Feed:
    """One stream of one flow in one pull; without ``webhooks:`` it is what the connector reads."""

    def __init__(
        self, store: Store, objects: Objects, flow: str, connector: Connector, stream: Reads
    ) -> None:
        self._store = store
        self._objects = objects
        self._flow = flow
        self._connector = connector
        self._stream = stream
        self._endpoint: Endpoint | None = vars(connector).get("webhooks", {}).get(stream.name)
        self._polled = False
        self._called: list[str] = []

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield what waits in the inbox, then the pages of the system where they are due."""
        if self._endpoint is None:
            yield from self._connector.read(self._stream, cursor)
            return
        news = False
        for item in inbox.waiting(
            self._store, self._objects, self._connector.system, self._stream.name
        ):
            news = news or item.brings == "news"
            name = f"{_NEWS if item.brings == 'news' else _CALL}{item.id}"
            yield Page(name, item.body, item.media, origin=item)
        if self._is_due() or (news and self._endpoint.reconcile is not None):
            yield from self._connector.read(self._stream, cursor)
            self._polled = True

    def _is_due(self) -> bool:
        every = self._endpoint.reconcile if self._endpoint else 0.0
        if not every:
            return every is not None
        table = schema.poll
        with self._store.reading() as connection:
            last = connection.execute(sa.select(table.c.at).where(*self._mine())).scalar()
        return last is None or self._connector.world.now() - last >= timedelta(seconds=every)

    def _mine(self) -> tuple[Any, ...]:
        table = schema.poll
        return (
            table.c.flow == self._flow,
            table.c.system == self._connector.system,
            table.c.stream == self._stream.name,
        )

    def stream_of(self, object_id: str, name: str) -> Reads | None:
        """Say how the object ``name`` is parsed; None where it holds no record."""
        if self._endpoint is None or not name.startswith(_CALL):
            return self._stream
        if name.startswith(_NEWS):
            return None
        self._called.append(object_id)
        return dataclasses.replace(
            self._stream, records=self._endpoint.records, media=self._endpoint.media
        )

    def landed(self, page: Page) -> None:
        """Tell the source that a page is durable, where it came from the source itself."""
        if not isinstance(page.origin, inbox.Item):
            self._connector.landed(self._stream, page)

    def commit(
        self, connection: sa.Connection, objects: Sequence[tuple[str, Page | None]]
    ) -> None:
        """Take what was landed out of the inbox, inside the transaction that names the objects.

        ``objects`` are (id of the object, its page).
        """
        if self._endpoint is None:
            return
        inbox.landed(
            connection,
            {
                page.origin.id: object_id
                for object_id, page in objects
                if page is not None and isinstance(page.origin, inbox.Item)
            },
        )
        if self._polled:
            row: dict[str, Any] = {
                "flow": [self._flow],
                "system": [self._connector.system],
                "stream": [self._stream.name],
                "at": pa.array([self._connector.world.now()], pa.timestamp("us", "UTC")),
            }
            bulk.upsert(connection, schema.poll, pa.table(row))

    # -- which version is newer ----------------------------------------------------------------
    def late(self, raw: pa.Table) -> set[int]:
        """Name the rows of a raw batch that came by webhook and are older than what is known."""
        field = self._newer_by()
        if not self._called or not field or "json" not in raw.column_names:
            return set()
        by_call = pc.is_in(raw["object"], value_set=pa.array(self._called)).to_pylist()
        keys = raw["key"].to_pylist()
        wanted = {key for key, yes in zip(keys, by_call, strict=True) if yes}
        newest = self._known(wanted, field)
        late = set()
        for row, (key, text) in enumerate(zip(keys, raw["json"].to_pylist(), strict=True)):
            order = _order(text, field) if key in wanted else None
            if order is None:
                continue
            known = newest.get(key)
            if known is None or known[0] != order[0] or order > known:
                newest[key] = order
            elif by_call[row] and order < known:
                late.add(row)
        return late

    def _newer_by(self) -> str:
        if self._endpoint is None:
            return ""
        named = self._endpoint.newer_by
        return str(self._stream.cursor or "" if named is None else named)

    def _known(self, keys: set[str], field: str) -> dict[str, Order]:
        """Read how new the latest known version of each key is, out of its raw batch."""
        table = schema.record_version
        with self._store.reading() as connection:
            rows = connection.execute(
                sa.select(table.c.key, table.c.batch_id, table.c.record).where(
                    table.c.system == self._connector.system,
                    table.c.stream == self._stream.name,
                    table.c.latest,
                    bulk.among(table.c.key, pa.array(sorted(keys)), connection.dialect.name),
                )
            ).all()
        by_batch: dict[str, list[Any]] = {}
        for row in rows:
            by_batch.setdefault(row.batch_id, []).append(row)
        found = {}
        for batch_id, some in by_batch.items():
            files = BatchFiles(self._objects, batch_id)
            if not files.has("pull"):
                continue
            raw = files.read(files.path("pull"))["raw"]
            for row in some:
                order = _order(raw["json"][row.record].as_py(), field)
                if order is not None:
                    found[row.key] = order
        return found


def _order(text: str, field: str) -> Order | None:
    """Say how new a record is, as what compares with others of its kind; None: cannot be told."""
    try:
        value: Any = json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return None
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    plain = str(value)
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    if plain.isdigit() and len(plain) < 30:
        return (0, int(plain))
    try:
        moment = instant(plain)
    except Unreadable:
        return None
    return (1, moment.second.replace(tzinfo=UTC), moment.order[1])
