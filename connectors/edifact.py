"""EDIFACT with one trading partner: messages fetched from and left in the partner's folders.

The folders lie on the partner's SFTP server or on this machine. A file is fetched once its
interchange is whole, landed as bytes and then moved into the archive folder; every message in it
is a record of its own. A message that is sent goes into a file whose name is derived from the
idempotency key, with the control reference that this key has, so that a retry lands once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from crossdock.connector import (
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verdict,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.edi import flat, offers, strangers
from crossdock.edi.control import ControlReferences, ReferenceFile
from crossdock.edi.duplicates import InterchangeLog, Sighting, SightingFile, surveyed
from crossdock.edi.finding import Finding
from crossdock.edi.folder import Entry, Exchange, unfinished
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Interchange
from crossdock.edi.outgoing import Outgoing
from crossdock.edi.partner import Partner, load
from crossdock.edi.places import exchange_of, followed
from crossdock.edi.reader import first_type
from crossdock.edi.x12.outgoing import X12Outgoing
from crossdock.errors import CrossdockError, Misconfigured, Refused, Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

ANSWERS = frozenset({"CONTRL", "APERAK"})
"""Messages about what we sent: ``replies`` fetches them, no stream does."""

SETTLED = 60.0
"""Seconds after which a file without UNZ is taken for torn, and not for still being written."""


class Edifact(Connector):
    """One partner, whose customs are in ``edi/partners/<partner>.yaml``."""

    kind: ClassVar[str] = "edifact"
    versions: ClassVar[tuple[Verified, ...]] = (
        Verified("EDIFACT syntax 1 to 4, D.96A and D.01B", "own sandbox"),
        Verified("ORDERS D.96A: accepted by pydifact 0.2 and mock-edi 0.9", "documents only"),
    )

    partner: str = setting("name of the partner's file in edi/partners", example="demo_retailer")
    folder: str = setting("a folder on this machine in place of SFTP", default="")
    as2: str = setting("folder of the AS2 post boxes, in place of SFTP", default="")
    host: str = setting("SFTP server of the partner", default="", example="sftp.partner.example")
    port: int = setting("its port", default=22)
    user: str = setting("user name there", default="")
    password: str = secret("password, where no key is used", default="")
    key: str = secret("private key, in OpenSSH's form", default="")
    passphrase: str = secret("passphrase of the private key", default="")
    host_key: str = setting(
        "the server's public key, pinned", default="", example="ssh-ed25519 AAAA..."
    )
    references: str = setting(
        "file of the control references, where the hub keeps none", default=""
    )

    _offers: ClassVar[tuple[Reads | Writes, ...]] = (*offers.READS, *offers.WRITES)

    allow_private: ClassVar[bool] = False
    """Whether the server may have a private address; the engine sets what the file says."""

    control: ClassVar[ControlReferences | None] = None
    """Where control references come from; the engine sets it to the store's counters."""

    interchanges: ClassVar[InterchangeLog | None] = None
    """Where interchange references are remembered; the engine sets it to the store's table."""

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream from YAML: ``message``, ``folder`` and ``archive`` with their defaults."""
        return super().stream(name, offers.made_of(name, spec))

    def _all(self) -> Iterator[tuple[str, Reads | Writes]]:
        yield from ((stream.name, stream) for stream in self._offers)
        yield from super()._all()

    life: ClassVar[strangers.PartnerLife | None] = None
    """How far partners are; the engine sets it to the store's table."""

    # -- where things are -------------------------------------------------------------------
    @cached_property
    def known(self) -> Partner:
        """The partner of this account, as the file says it."""
        return self._partner

    @cached_property
    def _partner(self) -> Partner:
        return load(self.world.project / "edi" / "partners", self.partner)

    @cached_property
    def _guides(self) -> Guides:
        return Guides(self.world.project / "edi" / "guides", self._partner.guides)

    @cached_property
    def _outgoing(self) -> Outgoing:
        made = X12Outgoing if self._partner.x12 else Outgoing
        return made(self._partner, self._guides, self.world.now)

    @cached_property
    def _exchange(self) -> Exchange:
        return exchange_of(self)

    @cached_property
    def _control(self) -> ControlReferences:
        if self.control is not None:
            return self.control
        if not self.references:
            raise Misconfigured(
                "nothing counts the control references",
                where=self.system,
                fix="set references to a file that is backed up",
            )
        return ReferenceFile(Path(self.references))

    def check(self) -> Iterator[Check]:
        """Read the partner's file and list the folders of every stream."""
        try:
            known = self._partner
            yield Check("partner", ok=True, detail=f"{known.name}: {known.them.id}")
            streams: dict[str, Reads | Writes] = {**self.reads(), **self.writes()}
            for name, stream in streams.items():
                found = len(self._exchange.list(str(stream.options["folder"])))
                yield Check(f"{name}: folder {stream.options['folder']}", True, f"{found} files")
        except CrossdockError as error:
            yield Check("folders", ok=False, detail=str(error))

    def close(self) -> None:
        """Close the SFTP connection, if there is one."""
        if "_exchange" in vars(self):
            self._exchange.close()
            del self._exchange

    # -- reading ----------------------------------------------------------------------------
    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the files of the folder by name; the archive is the memory, so no cursor moves."""
        if stream.options.get("of"):
            return  # it is made of the same bytes as another
        folder = str(stream.options["folder"])
        for entry in self._exchange.list(folder):
            if unfinished(entry.name):
                continue
            name = _mark(f"{self.system}/{stream.name}/{entry.name}")
            target = self.world.scratch / f"edifact-{name}"
            if not self._takes(stream, folder, entry, target):
                target.unlink(missing_ok=True)
                continue
            yield Page(entry.name, target, stream.media, origin=entry, temporary=True)

    def _takes(self, stream: Reads, folder: str, entry: Entry, target: Path) -> bool:
        """Fetch the file; False when it is gone, still grows, or is for another stream.

        What no stream reads is taken by whichever comes first, so that a person sees it held.
        """
        if not self._exchange.download(folder, entry, target) or self._unfinished(entry, target):
            return False
        known = first_type(target, self._partner.choose)
        if known in ANSWERS:
            return False
        return known == stream.options["message"] or known not in flat.SHAPES

    def _unfinished(self, entry: Entry, path: Path) -> bool:
        """A young file without UNZ is still being written: the next look will find it whole."""
        age = self.world.now().timestamp() - entry.modified
        if not 0 <= age < SETTLED:
            return False
        with path.open("rb") as file:
            file.seek(max(0, entry.size - 512))
            tail = file.read()
        return not any(end in tail for end in (b"UNZ", b"U\0N\0Z", b"IEA"))

    def landed(self, stream: Reads, page: Page) -> None:
        """Move the file into the archive folder."""
        folder, target = str(stream.options["folder"]), str(stream.options["archive"])
        self._exchange.archive(folder, page.origin.name, target, page.origin.raw)

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Give one row a message, or an entry of it; a faulty one has ``_fault`` and ``_raw``.

        Raises Unreadable when no interchange of the file may be processed.
        """
        from crossdock.edi import records

        known = self._partner
        found = self.survey(body)
        if all(one.rejected for one in found):
            first = next(finding for one in found for finding in one.findings)
            raise Unreadable(
                first.text, where=first.line().split(":")[0], fix="ask the partner to send it again"
            )
        yield from records.tables(body, found, stream, known, self._guides)

    def survey(self, body: Path) -> list[Interchange]:
        """Give the envelopes of a file with every finding.

        A reference that came before with other content is one, and so is an unknown sender.
        """
        return list(self._surveyed(body))

    def _surveyed(self, body: Path) -> Iterator[Interchange]:
        known = self._partner
        today = self.world.now().date()
        log = self._log
        folder = self.world.project / "edi" / "partners"
        life = self.life.state(self.partner) if self.life is not None else strangers.LIVE
        for interchange, digest in surveyed(body, known.choose):
            interchange.findings += strangers.findings(interchange, known, folder, life)
            if log is not None and interchange.reference and not interchange.rejected:
                now = Sighting(today, digest)
                window = timedelta(days=known.window_days)
                before = log.first(interchange.sender, interchange.reference, now, window)
                if before.digest != digest:
                    interchange.findings.append(_duplicate(interchange, before))
            yield interchange

    @cached_property
    def _log(self) -> InterchangeLog | None:
        if self.interchanges is not None:
            return self.interchanges
        return SightingFile(Path(f"{self.references}.seen")) if self.references else None

    # -- answers ----------------------------------------------------------------------------
    def replies(self) -> Iterator[tuple[Reads, Page]]:
        """Yield the files of CONTRL and APERAK in the folders that are read, with their stream.

        What is not theirs stays for the streams; ``landed`` archives a file that was taken.
        """
        seen = set()
        for stream in self.reads().values():
            folder = str(stream.options["folder"])
            if folder in seen:
                continue
            seen.add(folder)
            for entry in self._exchange.list(folder):
                target = self.world.scratch / f"edifact-{_mark(f'{self.system}/{entry.name}')}"
                found = not unfinished(entry.name) and self._answers(folder, entry, target)
                if not found:
                    target.unlink(missing_ok=True)
                    continue
                yield (
                    stream,
                    Page(entry.name, target, "edifact", origin=entry, temporary=True),
                )

    def _answers(self, folder: str, entry: Entry, target: Path) -> bool:
        whole = self._exchange.download(folder, entry, target)
        whole = whole and not self._unfinished(entry, target)
        return whole and first_type(target, self._partner.choose) in ANSWERS

    def post(self, message: str, key: str, make: Callable[[str], bytes]) -> tuple[str, str]:
        """Leave an answer for the partner; gives its control reference and the file's name.

        ``make`` writes the interchange for a reference. The same ``key`` again has the same
        reference and file, so that a retry lands once. Raises TryLater, Refused.
        """
        stream = next(iter(self.writes().values()))
        number = self._control.next(self._partner.name, key)
        reference = str(number).zfill(14)
        name = f"{message}_{reference}_{_mark(key)}.edi"
        parcel = Parcel(name, key, "create", {})
        if self.lookup(stream, [parcel])[name] is None:
            self._exchange.upload(str(stream.options["folder"]), name, make(reference))
        return reference, name

    # -- writing ----------------------------------------------------------------------------
    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Leave one file a parcel; a file that lies there already was written by an earlier try.

        Where ``each`` names a list, all parcels of a call are entries of one message.
        """
        if stream.options.get("each"):
            return self._together(stream, parcels)
        known = self.lookup(stream, parcels)
        return [self._one(stream, parcel, known[parcel.reference]) for parcel in parcels]

    @property
    def _yes(self) -> Verdict:
        waits = "CONTRL" in self._partner.agreed.waits or getattr(self._exchange, "awaits", False)
        return "accepted" if waits else "delivered"

    def follow(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Ask what became of files whose AS2 receipt comes later; else an answer says it."""
        waits, place = "CONTRL" in self._partner.agreed.waits, self._exchange
        if not hasattr(place, "state"):
            return super().follow(stream, parcels)
        return [followed(place, parcel, answered=waits) for parcel in parcels]

    def _one(self, stream: Writes, parcel: Parcel, found: Found | None) -> Outcome:
        if found is not None:
            return Outcome(parcel.reference, self._yes, found.their_id, "was there already")
        name, document = str(stream.options["message"]), parcel.body
        try:
            if parcel.operation != "create":
                name = offers.change_of(stream)
                document = self._outgoing.changed(name, document, _mark(parcel.key))
            made = self._outgoing.message(name, document)
        except Refused as error:
            return Outcome(parcel.reference, "refused", message=str(error))
        return Outcome(parcel.reference, self._yes, self._leave(stream, name, parcel.key, made))

    def _together(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Write one message of all parcels that can be written."""
        name, each = str(stream.options["message"]), str(stream.options["each"])
        out, refused = self._outgoing, {}
        for parcel in parcels:
            alone = out.together(each, [parcel.body], _mark(parcel.key))
            if words := out.refusal(name, alone):
                refused[parcel.reference] = words
        good = [parcel for parcel in parcels if parcel.reference not in refused]
        file = ""
        if good:
            key = _mark(" ".join(parcel.key for parcel in good))
            found = self.lookup(stream, [Parcel(key, key, "create", {})])[key]
            made = out.message(name, out.together(each, [parcel.body for parcel in good], key))
            file = found.their_id if found else self._leave(stream, name, key, made)
        return [
            Outcome(parcel.reference, "refused", message=refused[parcel.reference])
            if parcel.reference in refused
            else Outcome(parcel.reference, self._yes, file)
            for parcel in parcels
        ]

    def _leave(self, stream: Writes, name: str, key: str, message: list[str]) -> str:
        """Draw the control reference, now that nothing is refused any more, and leave the file."""
        number = self._control.next(self._partner.name, key)
        reference = str(number).zfill(14) if len(str(number)) <= 14 else str(number)
        file = f"{name}_{reference}_{_mark(key)}.edi"
        data = self._outgoing.interchange(name, reference, message)
        self._exchange.upload(str(stream.options["folder"]), file, data)
        return file

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Look for the parcels' files in the partner's folder and in its archive."""
        found: dict[str, str] = {}
        for folder in ("archive", "folder"):
            for entry in self._exchange.list(str(stream.options[folder])):
                mark = entry.name.partition(".edi")[0].rpartition("_")[2]
                found[mark] = entry.name
        return {
            parcel.reference: Found(found[_mark(parcel.key)])
            if _mark(parcel.key) in found
            else None
            for parcel in parcels
        }


def _duplicate(interchange: Interchange, before: Sighting) -> Finding:
    return Finding(
        "envelope",
        f"interchange {interchange.reference} came before, on {before.day}, with other content; "
        "ask the partner which of the two holds",
        "26",
        segment=1,
        element="0020",
    )


def _mark(key: str) -> str:
    """Give the part of a file name that stands for an idempotency key."""
    return hashlib.sha256(key.encode()).hexdigest()[:20]
