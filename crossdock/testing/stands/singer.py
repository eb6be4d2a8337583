"""The stand of the connector ``singer``: a small tap over a file of records."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from crossdock.testing.stand import Stand

TAP = """#!{python} -I
import json, sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
config = json.load(open(words["--config"], encoding="utf-8"))
if config.get("api_key") != "tap-api-key":
    sys.exit("the key " + str(config.get("api_key")) + " is not known")
say = lambda message: print(json.dumps(message, ensure_ascii=False), flush=True)
schema = {{"properties": {{"id": {{"type": "string"}}, "name": {{"type": "string"}}}}}}
if "--discover" in sys.argv:
    print(json.dumps({{"streams": [
        {{"stream": name, "tap_stream_id": name, "schema": schema, "metadata": []}}
        for name in ("items", "other")]}}))
    sys.exit()
chosen = [s["stream"] for s in json.load(open(words["--catalog"], encoding="utf-8"))["streams"]
          if s["selected"]]
state = json.load(open(words["--state"], encoding="utf-8")) if "--state" in words else {{}}
start = state.get("bookmarks", {{}}).get("items", 0)
print("a tap that prints what it should log")
for name in chosen:
    say({{"type": "SCHEMA", "stream": name, "schema": schema, "key_properties": ["id"]}})
    with open(config["file"], encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if number > start:
                say({{"type": "RECORD", "stream": name, "record": json.loads(line)}})
                if number % 4 == 0:
                    say({{"type": "STATE", "value": {{"bookmarks": {{"items": number}}}}}})
    say({{"type": "STATE", "value": {{"bookmarks": {{"items": number}}}}}})
"""


class SingerStand(Stand):
    """A tap that reads a file and counts its lines as its state."""

    lacks: ClassVar[Mapping[str, str]] = {
        "its_check_finds_nobody_there": "the tap connects, in a process of its own",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file, self.tap = folder / "items.ndjson", folder / "tap-items"

    def start(self) -> None:
        """Write the tap and its file."""
        self.tap.write_text(TAP.format(python=sys.executable), encoding="utf-8")
        self.tap.chmod(0o700)
        for number in range(10):
            self._add(f"I{number}")

    def _add(self, ident: str, **values: Any) -> str:
        with self.file.open("a", encoding="utf-8") as file:
            record = {"id": ident, "name": "é 中", "price": 1.10, **values}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        return ident

    def settings(self) -> Mapping[str, Any]:
        """Give the tap, its file and its key."""
        return {"command": str(self.tap), "config": {"file": str(self.file)},
                "secret_config": '{"api_key": "tap-api-key"}'}  # fmt: skip

    def wrong(self) -> Mapping[str, Any]:
        """Give a key that the tap does not know."""
        return {"secret_config": '{"api_key": "wrong-key"}'}

    def streams(self) -> Mapping[str, Mapping[str, Any]]:
        """Give its one stream."""
        return {"items": {"key": "id"}}

    def there(self, stream: str) -> set[str]:
        """Read the file."""
        texts = self.file.read_text("utf-8").split("\n")
        return {str(json.loads(line)["id"]) for line in texts if line}

    def strange(self, stream: str) -> str:
        """Add a record with a field that the schema does not have."""
        return self._add("NEW", status="teleported", invented={"a": [1]})

    def plant(self, stream: str, values: Mapping[str, Any]) -> str:
        """Add a record with odd texts."""
        return self._add("ODD", odd=dict(values))
