"""A target for tests that does what its script says, and journals what had an effect.

``script.json`` gives for a document (by its ``order_no``) the list of what happens at each try;
the last one is for all further tries, and what is not in the script is delivered:

- delivered, accepted, refused, try_later: the verdict of that name;
- lost: it takes effect, but the answer is uncertain; unsure: no effect, and no answer;
- breaks: it takes effect, then the call ends in an exception; breaks_before: without an effect;
- what was accepted is final once ``posted.json`` says so, on streams with ``accepts``;
- later: the call raises TryLater; misconfigured: it raises Misconfigured; neither has any effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crossdock.connector import Check, Connector, Found, Outcome, Parcel, Writes, setting
from crossdock.errors import Misconfigured, TryLater


class Scripted(Connector):
    """One folder with script, tries and journal."""

    folder: str = setting("where script and journal are")

    kind = "scripted"

    def check(self) -> Iterator[Check]:
        """Nothing can be wrong."""
        yield Check("folder", True)

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read back by our reference."""
        there = {line["reference"]: line["their_id"] for line in self._effects(stream)}
        return {
            parcel.reference: Found(there[parcel.reference]) if parcel.reference in there else None
            for parcel in parcels
        }

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Do what the script says; answers come back to front, as a contract may allow."""
        plan = [(parcel, self._act(parcel)) for parcel in parcels]
        acts = {act for _, act in plan}
        if "later" in acts:
            raise TryLater("the target sleeps", after=0.0)
        if "misconfigured" in acts:
            raise Misconfigured("the target's account is closed")
        outcomes = []
        for parcel, act in plan:
            if act == "breaks_before":
                raise RuntimeError("before")
            their_id = parcel.their_id
            if act in {"delivered", "accepted", "lost", "breaks"}:
                their_id = self._effect(stream, parcel)
            if act == "breaks":
                raise RuntimeError("after")
            verdict: Any = {"lost": "uncertain", "unsure": "uncertain"}.get(act, act)
            outcomes.append(Outcome(parcel.reference, verdict, their_id, f"it says {act}", 0.0))
        return outcomes[::-1]

    def follow(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Say what ``posted.json`` says of each (by our reference); else it is not final."""
        said = Path(self.folder, "posted.json")
        script = json.loads(said.read_text("utf-8")) if said.exists() else {}
        outcomes = []
        for parcel in parcels:
            act = script.get(parcel.reference.split("|")[-1], "accepted")
            if act == "later":
                raise TryLater("the target sleeps", after=0.0)
            posted = f"P-{parcel.their_id}" if act == "delivered" else parcel.their_id
            outcomes.append(Outcome(parcel.reference, act, posted, f"posting says {act}"))
        return outcomes[::-1]

    def _act(self, parcel: Parcel) -> str:
        with Path(self.folder, "tries.jsonl").open("a", encoding="utf-8") as file:
            file.write(
                json.dumps(
                    {
                        "number": parcel.body["order_no"],
                        "key": parcel.key,
                        "operation": parcel.operation,
                        "their_id": parcel.their_id,
                        "body": parcel.body,
                    },
                    default=str,
                )
                + "\n"
            )
        number = parcel.body["order_no"]
        script = Path(self.folder, "script.json")
        acts = json.loads(script.read_text("utf-8")).get(number) if script.exists() else None
        if not acts:
            return "delivered"
        tries = sum(line["number"] == number for line in _lines(Path(self.folder, "tries.jsonl")))
        return str(acts[min(tries, len(acts)) - 1])

    def _effect(self, stream: Writes, parcel: Parcel) -> str:
        known = [line for line in self._effects(stream) if line["reference"] == parcel.reference]
        if stream.delivery == "idempotency_key":
            for line in known:
                if line["key"] == parcel.key:
                    return str(line["their_id"])
        if known and (stream.delivery == "upsert" or parcel.operation == "update"):
            their_id = str(known[0]["their_id"])
        else:
            their_id = f"T{len(self._effects(stream)) + 1}"
        line = {
            "stream": stream.name,
            "reference": parcel.reference,
            "key": parcel.key,
            "operation": parcel.operation,
            "their_id": their_id,
            "body": parcel.body,
        }
        with Path(self.folder, "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
        return their_id

    def _effects(self, stream: Writes) -> list[Mapping[str, Any]]:
        lines = _lines(Path(self.folder, "journal.jsonl"))
        return [line for line in lines if line["stream"] == stream.name]


def _lines(path: Path) -> list[Mapping[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
