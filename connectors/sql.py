"""SQL databases: PostgreSQL and SQLite, as a source and as a target.

Streams come from the system's YAML. A target takes documents with their lists into a table each
and merges by key; a source is read by cursor and key, in transactions that cannot write.
https://www.postgresql.org/docs/current/sql-copy.html https://www.sqlite.org/lang_upsert.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crossdock import (
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.errors import CrossdockError, Misconfigured

if TYPE_CHECKING:
    import pyarrow as pa

    from crossdock.sql.database import Database
    from crossdock.sql.delivery import Delivery

_READS = {"table", "query", "schema", "fields", "page", "children", "zone"}
_WRITES = {"table", "schema", "create", "children", "version"}


class Sql(Connector):
    """One database account."""

    url: str = secret("Address: postgresql://user:password@host/name or sqlite:///file")
    schema: str = setting("Schema of the tables, where it is not the account's own", default="")
    timeout: int = setting("Longest time of one statement, in seconds", default=60)
    allow_queries: bool = setting("Whether streams may read from a query", default=False)

    kind = "sql"
    versions = (Verified("PostgreSQL 18", "real server"), Verified("SQLite 3.40", "real server"))

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream; targets take tables, merge by key, 5,000 documents a call."""
        spec = dict(spec)
        if "delivery" in spec:
            spec = {"columns": True, "batch": 5_000, **spec}
        else:
            spec = {"media": "ndjson", "order": "oldest_first", **spec}
        made = super().stream(name, spec)
        unknown = set(made.options) - (_WRITES if isinstance(made, Writes) else _READS)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if not made.key:
            raise ValueError("it needs a key")
        if isinstance(made, Writes) and made.delivery != "upsert":
            raise ValueError("a database is merged by key: delivery is upsert")
        return made

    def _database(self) -> Database:
        found: Database | None = vars(self).get("_opened")
        if found is None:
            from crossdock.sql.database import Database

            found = Database(self.url, folder=self.world.project, seconds=float(self.timeout))
            vars(self)["_opened"] = found
        return found

    def close(self) -> None:
        """Give the connections back."""
        found: Database | None = vars(self).pop("_opened", None)
        vars(self).pop("_targets", None)
        if found is not None:
            found.close()

    # -- checking --------------------------------------------------------------------------------
    def check(self) -> Iterator[Check]:
        """Connect, then look for the tables of each stream."""
        from crossdock.sql.fetch import reflected

        try:
            with self._database().reading() as connection:
                yield Check("connect", True, connection.dialect.name)
        except CrossdockError as error:
            yield Check("connect", False, str(error))
            return
        streams: dict[str, Reads | Writes] = {**self.reads(), **self.writes()}
        for name, stream in streams.items():
            try:
                with self._database().reading() as connection:
                    if not stream.options.get("query") and not stream.options.get("create"):
                        table = str(stream.options.get("table", name))
                        reflected(connection, table, self._schema(stream))
                yield Check(f"stream {name}", True)
            except CrossdockError as error:
                yield Check(f"stream {name}", False, str(error))

    def _schema(self, stream: Reads | Writes) -> str | None:
        return str(stream.options.get("schema", self.schema)) or None

    # -- reading ---------------------------------------------------------------------------------
    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield pages of JSON lines, in the order of cursor and key."""
        from crossdock.sql import extract

        source = self._source(stream)
        found = extract.pages(self._database(), source, cursor, self.world.now())
        for number, (body, after) in enumerate(found, start=1):
            yield Page(f"{stream.name}-{number:06}.ndjson", body, "ndjson", cursor=after)

    def _source(self, stream: Reads) -> Any:
        from crossdock.sql.extract import Source
        from crossdock.sql.fetch import Nested

        given = stream.options
        if given.get("query") and not self.allow_queries:
            raise Misconfigured(
                f"the stream {stream.name} has a query, and this account does not allow queries",
                fix="read from a table or view, or set allow_queries: true",
            )
        children = {
            name: Nested(
                str(child["table"]),
                tuple(child.get("parent", stream.key)),
                tuple(child.get("order", ())),
            )
            for name, child in given.get("children", {}).items()
        }
        return Source(
            key=stream.key,
            table="" if given.get("query") else str(given.get("table", stream.name)),
            query=str(given.get("query", "")),
            schema=self._schema(stream),
            fields=tuple(given.get("fields", ())),
            cursor=stream.cursor,
            page=int(given.get("page", 5_000)),
            overlap=float(stream.overlap),
            horizon=float(stream.horizon),
            zone=str(given.get("zone", "")),
            children=children,
        )

    # -- writing ---------------------------------------------------------------------------------
    def write_table(self, stream: Writes, parcels: pa.Table) -> list[Outcome]:
        """Merge the documents in one transaction; a refused one is left out and named."""
        return self._target(stream).deliver(parcels)

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read documents with their lists back by key."""
        return self._target(stream).find(parcels)

    def _target(self, stream: Writes) -> Delivery:
        from crossdock.sql.delivery import Delivery
        from crossdock.sql.tables import Shape

        targets: dict[str, Delivery] = vars(self).setdefault("_targets", {})
        if stream.name not in targets:
            given = stream.options
            children = {
                name: (str(child.get("table", "")), tuple(child.get("parent", ())))
                for name, child in given.get("children", {}).items()
            }
            shape = Shape(
                table=str(given.get("table", stream.name)),
                key=stream.key,
                schema=self._schema(stream),
                children=children,
                create=bool(given.get("create", False)),
            )
            targets[stream.name] = Delivery(self._database(), shape, stream.deadline)
        return targets[stream.name]
