"""The stand of the connector ``sql``: an SQLite file; tests/connectors run it on PostgreSQL too."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crossdock.connector import Connector, Outcome, Parcel, Reads, Writes
from crossdock.testing.stand import Stand

_START = datetime(2026, 1, 1, tzinfo=UTC)


class SqlStand(Stand):
    """A table to read by cursor, and one to merge into."""

    most = 1_000

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "books.db"

    def start(self) -> None:
        """Make the table."""
        self._run("CREATE TABLE items (id TEXT PRIMARY KEY, name TEXT, status TEXT, "
                  "changed_at TEXT NOT NULL)")  # fmt: skip
        for number in range(23):
            self._put(f"I{number:02}", _START + timedelta(minutes=number // 2))

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.file, timeout=10)) as connection, connection:
            return list(connection.execute(statement, values))

    def _put(self, ident: str, moment: datetime, name: str = "é 中", status: str = "open") -> str:
        text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._run("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", ident, name, status, text)
        return ident

    def settings(self) -> Mapping[str, Any]:
        """Give the file."""
        return {"url": f"sqlite:///{self.file}"}

    def unreachable(self) -> Mapping[str, Any]:
        """Give a file in a folder that is not there."""
        return {"url": f"sqlite:///{self.folder}/nowhere/books.db"}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the list and the target."""
        return {
            "items": {"key": "id", "cursor": "changed_at", "page": 10, "overlap": 60,
                      "zone": "UTC", "grain": "second"},
            "orders": {"delivery": "upsert", "key": "number", "create": True},
        }  # fmt: skip

    def sized(self, stream: Reads, size: int) -> Reads:
        """Give a stream with pages of ``size`` rows."""
        import dataclasses

        return dataclasses.replace(stream, options={**stream.options, "page": size})

    def there(self, stream: str) -> set[str]:
        """Ask the table."""
        return {row[0] for row in self._run("SELECT id FROM items")}

    def commit_late(self, stream: str) -> str:
        """Commit a row half a minute older than the newest."""
        return self._put("LATE", _START + timedelta(minutes=11, seconds=-30))

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add a row with odd texts; SQLite keeps even NUL."""
        return self._put("ODD", _START + timedelta(hours=1), "".join(values.values()))

    def strange(self, stream: str) -> str:
        """Add a row with a status that nobody knows."""
        return self._put("NEW", _START + timedelta(hours=1), status="teleported")

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make a document; one without a key cannot be merged."""
        reference = f"{stream}-{number}"
        body = {"number": reference if good else None, "quantity": number}
        return Parcel(reference, f"key-{reference}", "create", body)

    def send(
        self, connector: Connector, stream: Writes, parcels: Sequence[Parcel]
    ) -> list[Outcome]:
        """Write parcels as the Arrow table that the engine gives."""
        import pyarrow as pa

        names = ("number", "quantity")
        columns = {name: [parcel.body[name] for parcel in parcels] for name in names}
        engine = {
            "_reference": pa.array([parcel.reference for parcel in parcels], pa.string()),
            "_key": pa.array([parcel.key for parcel in parcels], pa.string()),
            "_operation": pa.array([parcel.operation for parcel in parcels], pa.string()),
            "_their_id": pa.array([parcel.their_id for parcel in parcels], pa.string()),
            "_version": pa.array([1] * len(parcels), pa.int64()),
        }
        return connector.write_table(stream, pa.table({**columns, **engine}))

    def effects(self, stream: str) -> Sequence[str]:
        """Ask the table."""
        if not self._run("SELECT 1 FROM sqlite_master WHERE name = 'orders'"):
            return []
        return [row[0] for row in self._run("SELECT number FROM orders")]
