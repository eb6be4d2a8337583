"""Any installed Singer tap as a source: it runs as a process of its own, its state is our cursor.

See docs/reference/connectors/singer.md for what a stream may say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock import Check, Connector, Page, Reads, Verified, Writes, secret, setting
from crossdock import json as strict
from crossdock.errors import CrossdockError, Misconfigured, Unreadable
from crossdock.singer import Tap

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 10_000


class Singer(Connector):
    """One tap with its configuration."""

    kind = "singer"
    versions = (Verified("Singer spec 0.3", "own sandbox"),)

    command: str = setting("The tap's executable", example="/opt/taps/tap-github/bin/tap-github")
    config: Mapping[str, Any] | None = setting("The tap's configuration", default=None)
    secret_config: str = secret("More of it, as a JSON object, for what is secret", default="")
    silence: int = setting("Longest time in seconds without a word of the tap", default=300)

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream; ``stream`` is the tap's name of it, where that is another."""
        if "delivery" in spec:
            raise ValueError("a tap is read only")
        unknown = set(super().stream(name, spec).options) - {"stream", "of", "columns"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        return super().stream(name, {"media": "ndjson", "feed": "log", **spec})

    def check(self) -> Iterator[Check]:
        """Ask the tap what it has, and look for each stream and its key."""
        try:
            found = {str(one.get("stream")): one for one in self._tap().catalog()["streams"]}
        except CrossdockError as error:
            yield Check.failed("discover", error)
            return
        yield Check("discover", ok=True, detail=f"{len(found)} streams")
        for name, stream in self.reads().items():
            theirs = str(stream.options.get("stream", name))
            fields = found.get(theirs, {}).get("schema", {}).get("properties", {})
            missing = [field for field in stream.key if field.split(".")[0] not in fields]
            if theirs not in found:
                yield Check(f"read {name}", False, f"the tap has no stream {theirs!r}")
            elif missing:
                yield Check(f"read {name}", False, f"it has no field {', '.join(missing)}")
            else:
                yield Check(f"read {name}", ok=True)

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the messages of a stream after its state, in files as they came."""
        theirs = str(stream.options.get("stream", stream.name))
        for number, (path, state) in enumerate(self._tap().pages(theirs, cursor), start=1):
            name = f"{stream.name}-{number:05}.ndjson"
            mark = state if state != cursor else None
            yield Page(name, path, "ndjson", cursor=mark, temporary=True)

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Give the records within the messages, one a row, with their line."""
        import pyarrow as pa

        rows: list[dict[str, Any]] = []
        with body.open("rb") as file:
            for number, line in enumerate(file, start=1):
                rows.append({"position": number, **_row(line)})
                if len(rows) == _ROWS:
                    yield _table(pa, rows)
                    rows = []
        if rows:
            yield _table(pa, rows)

    def _tap(self) -> Tap:
        folder = self.world.scratch / "taps" / (self.system or "tap")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        hidden = self._hidden()
        values = [str(value) for value in hidden.values() if isinstance(value, (str, int))]
        config = {**(self.config or {}), **hidden}
        return Tap([self.command], config, values, folder, float(self.silence))

    def _hidden(self) -> dict[str, Any]:
        if not self.secret_config:
            return {}
        try:
            found = strict.loads(self.secret_config, "secret_config")
        except Unreadable:
            found = None
        if not isinstance(found, dict):
            raise Misconfigured("secret_config is no JSON object")
        return found


def _row(line: bytes) -> dict[str, Any]:
    """Take the record out of a message; one that cannot be read is kept with what is wrong."""
    raw = line.decode(errors="replace").rstrip("\n")
    try:
        message = strict.loads(line, "")
    except Unreadable as error:
        return {"json": None, "_fault": error.what, "_raw": raw}
    if not isinstance(message, dict) or not isinstance(message.get("record"), dict):
        return {"json": None, "_fault": "this is no message with a record", "_raw": raw}
    return {"json": strict.dumps(message["record"]), "_fault": None, "_raw": None}


def _table(pa: Any, rows: list[dict[str, Any]]) -> pa.Table:
    kinds = {"position": pa.int64(), "json": pa.string(), "_fault": pa.string(),
             "_raw": pa.string()}  # fmt: skip
    return pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
