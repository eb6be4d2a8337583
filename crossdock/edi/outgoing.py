"""Messages on their way out: written for one partner, and checked by its guide before they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crossdock.edi import writer
from crossdock.edi.check import check_source
from crossdock.edi.compose import compose, identifier
from crossdock.edi.flat import DIRECTORIES
from crossdock.edi.guide import Guides
from crossdock.edi.partner import Partner
from crossdock.errors import Refused

SIDES = {
    "ORDERS": ("buyer", "supplier"),
    "ORDCHG": ("buyer", "supplier"),
    "RECADV": ("buyer", "supplier"),
    "INVRPT": ("buyer", "supplier"),
    "SLSRPT": ("reporter", "supplier"),
    "REMADV": ("payer", "payee"),
    "ORDRSP": ("supplier", "buyer"),
    "DESADV": ("supplier", "buyer"),
    "INVOIC": ("supplier", "buyer"),
    "PRICAT": ("supplier", "buyer"),
}
"""Who we are and who the partner is in a message that we write."""


@dataclass
class Outgoing:
    """Writes messages as one partner wants them; ``now`` gives the time that UNB states."""

    partner: Partner
    guides: Guides
    now: Callable[[], datetime]

    def message(self, name: str, document: Mapping[str, Any]) -> list[str]:
        """Give the segments of a message from UNH to UNT; raises Refused with the place.

        The partner's guide has nothing to say against what is given.
        """
        shape, layout = self.partner.shape(name), self.partner.layout
        if shape.directory not in DIRECTORIES:
            known = ", ".join(DIRECTORIES)
            raise Refused(
                f"{name} {shape.directory} cannot be written; known: {known}",
                where=f"edi/partners/{self.partner.name}.yaml",
            )
        made = writer.message(
            layout,
            "1",
            identifier(name, shape.directory, shape.association),
            compose(
                name,
                self._between(name, document),
                directory=shape.directory,
                decimal=layout.separators.decimal,
            ),
        )
        self._agreed(self.interchange(name, "0" * 14, made))
        return made

    def refusal(self, name: str, document: Mapping[str, Any]) -> str:
        """Say why a document cannot be written; empty where it can."""
        try:
            self.message(name, document)
        except Refused as error:
            return str(error)
        return ""

    def changed(self, name: str, document: Mapping[str, Any], mark: str) -> Mapping[str, Any]:
        """Make of a changed document what a message ``name`` of its own says.

        A purchase order change has a number of its own, made of the order's and of ``mark``; it
        takes the place of the whole order.
        """
        if name != "ORDCHG":
            return {**document, "function": "5"} if name == "SLSRPT" else document
        number = str(document.get("number") or "")
        return {
            **document,
            "order_number": number,
            "number": f"{number[:28]}-{mark[:6]}",
            "type": "230",
            "function": "5",
        }

    def together(
        self, each: str, documents: Sequence[Mapping[str, Any]], mark: str
    ) -> dict[str, Any]:
        """Make one document of many entries of its list ``each``, such as a catalogue's lines."""
        head = {
            name: next((one[name] for one in documents if one.get(name)), None)
            for name in ("currency", "price_list")
        }
        day = self.now().date().isoformat()
        return {**head, "number": mark[:12].upper(), "date": day, each: list(documents)}

    def interchange(self, name: str, reference: str, message: list[str]) -> bytes:
        """Write the interchange of one message, with a control reference."""
        known = self.partner
        envelope = writer.Envelope(
            sender=known.us,
            receiver=known.them,
            reference=reference,
            prepared=self.now(),
            application=known.application or name,
            acknowledge=known.acknowledge,
            agreement=known.agreement,
            test=known.test,
        )
        return writer.interchange(known.layout, envelope, [message])

    def _between(self, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """A document that names no party is between the two sides of the envelope."""
        said = {key: value for key, value in document.items() if value is not None}
        for role, side in zip(SIDES[name], (self.partner.us, self.partner.them), strict=True):
            named = f"{role}_gln" in said or f"{role}_id" in said
            if side.qualifier == "14" and not named:
                said[f"{role}_gln"] = side.id
        return said

    def _agreed(self, data: bytes) -> None:
        """Check what is about to be sent by the partner's guide; raises Refused with the place."""
        codec = self.partner.layout.python_codec
        for item in check_source(data, self.guides, choose=lambda unb: codec):
            if item.findings:
                found = item.findings[0]
                raise Refused(found.text, where=found.line().partition(":")[0])
