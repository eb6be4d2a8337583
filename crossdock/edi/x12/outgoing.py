"""X12 on its way out: a set written for one partner, and checked by its guide before it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossdock.edi.check import check_source
from crossdock.edi.outgoing import Outgoing
from crossdock.edi.x12 import writer
from crossdock.edi.x12.customs import Customs
from crossdock.edi.x12.documents import compose
from crossdock.edi.x12.shapes import SETS
from crossdock.errors import Refused

_NUMBERS = 10**9
"""ISA13 and GS06 have nine digits; then they begin again."""


class X12Outgoing(Outgoing):
    """Writes the set that says what EDIFACT's message of that name says."""

    @property
    def _customs(self) -> Customs:
        return self.partner.x12 or Customs()

    def message(self, name: str, document: Mapping[str, Any]) -> list[str]:
        """Give the segments of a set from ST to SE; raises Refused with the place."""
        body = compose(name, self._between(name, document))
        made = writer.transaction(self._customs.separators, SETS[name], "0001", body)
        for item in check_source(self.interchange(name, "1", made), self.guides):
            if item.findings:
                found = item.findings[0]
                raise Refused(found.text, where=found.line().partition(":")[0])
        return made

    def interchange(self, name: str, reference: str, message: list[str]) -> bytes:
        """Write the interchange of one set; its numbers are made of the control reference."""
        known, customs = self.partner, self._customs
        number = int(reference) % _NUMBERS
        moment = self.now()
        head = writer.Group(
            writer.GROUPS[SETS[name]],
            customs.us or known.us.id,
            customs.them or known.them.id,
            number,
            customs.version,
        )
        envelope = writer.Envelope(
            sender=known.us,
            receiver=known.them,
            number=number,
            prepared=moment,
            version=customs.version[:5],
            acknowledge=known.acknowledge,
            usage="T" if customs.test or known.test else "P",
            separators=customs.separators,
            line=customs.line,
            codec=known.charset or "ascii",
        )
        group = writer.group(customs.separators, head, moment, [message])
        return writer.interchange(envelope, [group])
