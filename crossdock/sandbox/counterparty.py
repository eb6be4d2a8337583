"""A trading partner who answers: CONTRL for what we send, and the documents of a supplier.

It works on the partner's folders (``in`` takes what we send, ``out`` what it sends), so it stands
behind the sandbox's SFTP server as well as behind a folder. What it does wrong is a plan: faults
by the number of an order, ``*`` for every order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from crossdock.edi import writer
from crossdock.edi.interchange import Interchange, Message
from crossdock.edi.reader import read
from crossdock.edi.writer import Address, Envelope, Layout, Plain
from crossdock.errors import Unreadable
from crossdock.sandbox import counterparty_messages as messages
from crossdock.sandbox.counterparty_messages import Asked

Fault = Literal[
    "no_contrl",  # nothing is said about the interchange
    "contrl_rejects",  # the interchange is rejected, and nothing else comes
    "contrl_twice",  # the same CONTRL in two files
    "aperak",  # the application refuses the order
    "no_response",  # no ORDRSP
    "response_rejects",  # the order is rejected as a whole
    "price_changed",  # ORDRSP and INVOIC have another price
    "other_item",  # ORDRSP, DESADV and INVOIC have a product that nobody ordered
    "no_despatch",  # no DESADV
    "short",  # one piece less is shipped
    "over",  # one piece more is shipped
    "despatch_twice",  # the DESADV comes twice, the second with other content
    "wrong_sscc",  # the check digit of the pallet is wrong
    "no_invoice",  # no INVOIC
    "wrong_total",  # the invoice does not add up
    "billed_more",  # one piece more is billed than was shipped
    "unknown_order",  # the DESADV is for an order that nobody placed
    "other_sender",  # everything comes from an identification that nobody knows
    "torn",  # the INVOIC ends in the middle
    "wrong_count",  # UNT of the ORDRSP counts wrong
]
FAULTS: tuple[str, ...] = get_args(Fault)


@dataclass
class Counterparty:
    """A partner at work in ``root``; ``us`` is how the partner is called, ``them`` how we are.

    ``test`` puts the test indicator on everything that it sends.
    """

    root: Path
    us: Address
    them: Address
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    test: bool = False
    now: datetime = datetime(2026, 9, 1, 12, tzinfo=UTC)
    heard: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _number: int = 0

    def __post_init__(self) -> None:
        unknown = {one for some in self.faults.values() for one in some} - set(FAULTS)
        if unknown:
            raise ValueError(f"there is no fault {sorted(unknown)[0]!r}: {', '.join(FAULTS)}")

    def work(self) -> int:
        """Answer every file in ``in`` that was not answered yet; gives how many came."""
        folder = self.root / "in"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        new = [one for one in files if one.name not in self._seen and one.suffix == ".edi"]
        for path in new:
            self._seen.add(path.name)
            self._answer(path.read_bytes())
        return len(new)

    def send(self, message: str, body: Iterable[Plain], *, plan: Sequence[str] = ()) -> bytes:
        """Leave one message in ``out``; gives its bytes."""
        self._number += 1
        reference = f"P{self._number:08}"
        one = writer.message(self.layout, "1", messages.identifier(message), body)
        if "wrong_count" in plan and message == "ORDRSP":
            one[-1] = f"UNT{self.layout.separators.element}99{self.layout.separators.element}1"
        sender = Address("9999999999994", "14") if "other_sender" in plan else self.us
        envelope = Envelope(
            sender, self.them, reference, self.now, application=message, test=self.test
        )
        data = writer.interchange(self.layout, envelope, [one])
        if "torn" in plan and message == "INVOIC":
            data = data[: len(data) // 2]
        (self.root / "out").mkdir(parents=True, exist_ok=True)
        (self.root / "out" / f"{message}_{reference}.edi").write_bytes(data)
        return data

    def _answer(self, data: bytes) -> None:
        try:
            found = list(read(data))
        except Unreadable:
            self.heard.append("rubbish")
            return
        whole = [one for one in found if isinstance(one, Interchange)]
        inside = [one for one in found if isinstance(one, Message)]
        self.heard += [f"{one.type} {one.interchange.reference}" for one in inside]
        if all(one.type in {"CONTRL", "APERAK"} for one in inside):
            return
        asked = [messages.asked(one) for one in inside if one.type == "ORDERS"]
        plan = [fault for order in asked for fault in self._plan(order.number)]
        for interchange in whole:
            self._contrl(interchange, plan)
        if "contrl_rejects" not in plan:
            for order in asked:
                self._supply(order, self._plan(order.number))

    def _plan(self, number: str) -> list[str]:
        return [*self.faults.get("*", ()), *self.faults.get(number, ())]

    def _contrl(self, interchange: Interchange, plan: Sequence[str]) -> None:
        if "no_contrl" in plan:
            return
        rejects = interchange.findings or "contrl_rejects" in plan
        body = [
            ["UCI", interchange.reference, _side(interchange, 2), _side(interchange, 3),
             *(["4", "18"] if rejects else ["7"])]
        ]  # fmt: skip
        for _ in range(2 if "contrl_twice" in plan else 1):
            self.send("CONTRL", body, plan=plan)

    def _supply(self, order: Asked, plan: Sequence[str]) -> None:
        """Do what a supplier does with an order, and what the plan makes of it."""
        if "aperak" in plan:
            self.send("APERAK", messages.aperak(order), plan=plan)
            return
        if "no_response" not in plan:
            self.send("ORDRSP", messages.ordrsp(order, plan), plan=plan)
        if "response_rejects" in plan:
            return
        if "no_despatch" not in plan:
            for count in range(2 if "despatch_twice" in plan else 1):
                self.send("DESADV", messages.desadv(order, plan, more=count), plan=plan)
        if "no_invoice" not in plan:
            self.send("INVOIC", messages.invoic(order, plan), plan=plan)


def _side(interchange: Interchange, at: int) -> list[str]:
    parts = [interchange.header(at), interchange.header(at, 1)]
    return parts if parts[1] else parts[:1]
