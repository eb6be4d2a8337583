"""The stand of the connector ``files``: a folder of this machine."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel
from crossdock.testing.cases import Lacking
from crossdock.testing.stand import Stand

_NO_WIRE = "a folder of this machine has no wire; over SFTP see tests/wire/test_sftp.py"


class FilesStand(Stand):
    """Files of two forms to read, and a folder to leave some in."""

    lacks: ClassVar[Mapping[str, str]] = {
        "a_deleted_record_is_told": "a file that is gone says nothing about its records",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.inbox, self.outbox = folder / "in", folder / "out"

    def start(self) -> None:
        """Lay out the files."""
        self.inbox.mkdir()
        self.outbox.mkdir()
        for number in range(3):
            records = [{"id": f"N{number}-{n}", "name": "é 中"} for n in range(4)]
            lines = "".join(json.dumps(record) + "\n" for record in records)
            self._lay(f"names-{number}.ndjson", lines)
        with (self.inbox / "stock.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["sku", "name", "status"])
            rows.writerows([f"S{n}", f"Thing, {n}", "open"] for n in range(5))
        self._settle("stock.csv")

    def _lay(self, name: str, text: str) -> None:
        (self.inbox / name).write_text(text, encoding="utf-8")
        self._settle(name)

    def _settle(self, name: str) -> None:
        """A file that is young may still be written, so these are a minute old."""
        past = self.clock.now().timestamp() - 60
        os.utime(self.inbox / name, (past, past))

    def settings(self) -> Mapping[str, Any]:
        """Give the folder."""
        return {"path": str(self.folder)}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give a list of each form, and a target."""
        return {
            "names": {"path": "in/names-*.ndjson", "key": "id", "media": "ndjson"},
            "stock": {"path": "in/*.csv", "key": "sku", "media": "csv",
                      "columns": ["sku", "name", "status"]},
            "orders": {"delivery": "upsert", "key": "number", "path": "out"},
            "table": {"delivery": "upsert", "key": "number", "path": "out", "media": "csv",
                      "fields": ["number", "quantity"]},
        }  # fmt: skip

    def unreachable(self) -> Mapping[str, Any]:
        """Give a folder that is not there."""
        return {"path": str(self.folder / "nowhere")}

    def there(self, stream: str) -> set[str]:
        """Read the files by code of our own."""
        if stream == "stock":
            found = set()
            for path in self.inbox.glob("*.csv"):
                with path.open(newline="", encoding="utf-8") as file:
                    found |= {row["sku"] for row in csv.DictReader(file)}
            return found
        texts = [path.read_text("utf-8") for path in self.inbox.glob("*.ndjson")]
        return {json.loads(line)["id"] for text in texts for line in text.split("\n") if line}

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add a file with one odd record."""
        if stream == "names":
            self._lay("names-9.ndjson", json.dumps({"id": "ODD", "odd": dict(values)}) + "\n")
            return "ODD"
        raise Lacking("tried on names")

    def strange(self, stream: str) -> str:
        """Add a record with a field and a code that nobody knows."""
        if stream == "names":
            record = {"id": "NEW", "status": "teleported", "invented": {"a": [1]}}
            self._lay("names-8.ndjson", json.dumps(record) + "\n")
            return "NEW"
        self._lay("more.csv", "sku,name,status\r\nNEW,x,teleported\r\n")
        return "NEW"

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make a document; a float is what no file may hold."""
        reference = f"{stream}-{number}"
        quantity: Any = number if good else 0.1
        return Parcel(reference, f"key-{reference}", "create",
                      {"number": reference, "quantity": quantity})  # fmt: skip

    def effects(self, stream: str) -> Sequence[str]:
        """Read the files that were left; the same name is the same file."""
        found = []
        for path in self.outbox.glob(f"{stream}-*"):
            with path.open(newline="", encoding="utf-8") as file:
                if path.suffix == ".csv":
                    found += [row["number"] for row in csv.DictReader(file)]
                else:
                    found += [json.loads(line)["number"] for line in file]
        return found
