"""The SQL warehouse of a world: it keeps a journal of its own, by triggers."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

from tests.rig.worlds import Effect, version

SCHEMA = "warehouse.sql"
"""Where the tables are written down, beside the worlds, once a flow has made them."""

_TRIGGER = """
CREATE TRIGGER {verb}_noted AFTER {verb} ON sales_order BEGIN
  INSERT INTO journal (operation, number, amount, name)
  VALUES ('{word}', {row}.order_id, {row}.total_amount, {row}.customer_name);
END"""
_WORDS = {"INSERT": ("create", "NEW"), "UPDATE": ("change", "NEW"), "DELETE": ("delete", "OLD")}


class Warehouse:
    """The database at ``path``; with the tables that ``folder`` has, it journals what is done."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        schema = self._schema = folder / SCHEMA
        self._journals = schema.exists()
        if self._journals:
            with self._session() as session:
                session.execute("PRAGMA journal_mode = WAL")
                session.executescript(schema.read_text("utf-8"))

    def _session(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)

    def _rows(self, statement: str) -> list[tuple[object, ...]]:
        if not self._path.exists():
            return []
        session = self._session()
        try:
            return session.execute(statement).fetchall()
        finally:
            session.close()

    def write_down(self) -> None:
        """Remember the tables, with a journal beside them, for the worlds to come."""
        if self._journals:
            return
        made = self._rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        triggers = [
            _TRIGGER.format(verb=verb, word=word, row=row) for verb, (word, row) in _WORDS.items()
        ]
        journal = "CREATE TABLE journal (operation, number, amount, name)"
        statements = [*(str(row[0]) for row in made), journal, *triggers]
        self._schema.write_text(";\n".join(statements) + ";\n", encoding="utf-8")

    def effects(self) -> list[Effect]:
        """What was done to orders, in order."""
        if not self._journals:
            return []
        rows = self._rows("SELECT operation, number, amount, name FROM journal ORDER BY rowid")
        return [
            Effect(str(number), str(operation), Decimal(str(amount)), version(name, amount))
            for operation, number, amount, name in rows
        ]

    def content(self) -> dict[str, list[str]]:
        """The orders, less the hub's own number of the version in the last column; the lines."""
        return {
            "orders": sorted(repr(row[:-1]) for row in self._rows("SELECT * FROM sales_order")),
            "lines": sorted(map(repr, self._rows("SELECT * FROM sales_order_line"))),
        }
