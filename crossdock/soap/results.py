"""The verdict of a SOAP write: which result belongs to which document, and what it says.

Services answer 200 and say no inside; what says yes, the id, the code and the words is declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from crossdock.connector import Outcome, Parcel, Verdict
from crossdock.errors import Misconfigured
from crossdock.soap import faults
from crossdock.verdict import at

_YES = {"true", "1", "y", "yes", "ok", "s", "success"}
_LONGEST = 300


@dataclass(frozen=True)
class Results:
    """How the results in an answer are read; all paths are dotted local names.

    ``path`` leads from the answer's element to the result elements, the others from a result:
    ``succeeded`` (compared with ``yes``), ``id``, ``code``, ``message``. ``codes`` says what a
    code means (a verdict, or misconfigured) beside *refused*. ``match`` is (field of the result,
    path in our body) where results do not come in the order of the documents.
    """

    path: str
    succeeded: str = ""
    yes: frozenset[str] = frozenset(_YES)
    id: str = ""
    code: str = ""
    message: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    match: tuple[str, str] | None = None

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Results:
        """Make it of a stream's YAML; raises ValueError for what cannot be."""
        codes = {str(code): str(word) for code, word in spec.get("codes", {}).items()}
        wrong = set(codes.values()) - {*get_args(Verdict), "misconfigured"}
        if wrong:
            raise ValueError(f"codes has {', '.join(sorted(wrong))}, which is no verdict")
        yes = spec.get("yes")
        match = spec.get("match")
        if match is not None and (not isinstance(match, Mapping) or len(match) != 1):
            raise ValueError("match is one pair: field of the result: path in our document")
        words = yes if isinstance(yes, list) else [yes]
        return cls(
            path=str(spec.get("result", "Result")),
            succeeded=str(spec.get("succeeded", "")),
            yes=frozenset(_YES if yes is None else (str(word).lower() for word in words)),
            id=str(spec.get("id", "")),
            code=str(spec.get("code", "")),
            message=str(spec.get("message", "")),
            codes=codes,
            match=next(iter(match.items())) if match else None,
        )

    def outcomes(self, answer: Any, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Give one Outcome for each parcel; one without a result of its own is uncertain.

        Raises Misconfigured where a code says so and nothing of the call had an effect.
        """
        found = faults.find(answer, self.path)
        if self.match is None and len(found) != len(parcels):
            return [_unsaid(parcel, len(found), len(parcels)) for parcel in parcels]
        own = found if self.match is None else self._own(found, parcels, *self.match)
        outcomes, wrong = [], ""
        for parcel, result in zip(parcels, own, strict=True):
            meaning, message = ("", "") if result is None else self._meaning(result)
            if result is None:
                outcomes.append(_unsaid(parcel, len(found), len(parcels)))
                continue
            wrong = wrong or (message if meaning == "misconfigured" else "")
            outcomes.append(self._outcome(parcel, result, meaning, message))
        if wrong and all(outcome.verdict in {"try_later", "refused"} for outcome in outcomes):
            raise Misconfigured(f"the service refused: {wrong}")
        return outcomes

    def _own(
        self, found: Sequence[Any], parcels: Sequence[Parcel], theirs: str, ours: str
    ) -> list[Any]:
        """The result of each parcel by a field that both have, None where there is none."""
        by_value: dict[str, list[Any]] = {}
        for result in found:
            by_value.setdefault(text(result, theirs), []).append(result)
        lists = [by_value.get(str(at(parcel.body, ours)), []) for parcel in parcels]
        return [results.pop(0) if results else None for results in lists]

    def _meaning(self, result: Any) -> tuple[str, str]:
        code, words = text(result, self.code), text(result, self.message)
        message = ": ".join(part for part in (code, words) if part)[:_LONGEST]
        if code in self.codes:
            return self.codes[code], message
        if not self.succeeded:
            return "delivered", message
        if not faults.find(result, self.succeeded):
            return "uncertain", f"the result has no {self.succeeded}. {message}"
        good = text(result, self.succeeded).lower() in self.yes
        return ("delivered" if good else "refused"), message

    def _outcome(self, parcel: Parcel, result: Any, meaning: str, message: str) -> Outcome:
        their_id = text(result, self.id) or parcel.their_id  # a change has one before
        said = text(result, self.code) in self.codes  # such as "exists already", without an id
        if meaning == "delivered" and self.id and not their_id and not said:
            return Outcome(parcel.reference, "uncertain", None, f"a yes without an id. {message}")
        verdict = "try_later" if meaning == "misconfigured" else meaning
        return Outcome(parcel.reference, verdict, their_id, message)  # type: ignore[arg-type]


def text(element: Any, path: str) -> str:
    """The text at a dotted path below an element, empty where there is none."""
    found = faults.find(element, path) if path else []
    return (found[0].text or "").strip() if found else ""


def _unsaid(parcel: Parcel, found: int, sent: int) -> Outcome:
    words = f"the answer has {found} results for {sent} documents, and none for this one"
    return Outcome(parcel.reference, "uncertain", None, words)
