"""Take what comes over AS2: messages and asynchronous receipts.

In this order: who is it, is it kept as bytes, is it what it claims to be, is its content kept;
only then the MDN says processed. A Message-ID that came before with the same content is answered
as it was the first time, so that a retry never becomes a failure, and is not delivered again.
"""

from __future__ import annotations

import hashlib
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from crossdock.as2 import mdn, mime, refusal
from crossdock.as2 import message as as2_message
from crossdock.as2.mime import Entity
from crossdock.as2.postbox import Postbox, mark
from crossdock.as2.refusal import Refusal
from crossdock.as2.relation import Relation
from crossdock.errors import CrossdockError

log = logging.getLogger(__name__)

VERSION = "1.1"


@dataclass(frozen=True)
class Reply:
    """What the HTTP answer is; ``owed`` says that an asynchronous MDN waits to be sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    owed: bool = False


def unquoted(name: str) -> str:
    """Read AS2-From or AS2-To, which stand in quotes where they hold blanks.

    >>> unquoted('"A B"')
    'A B'
    """
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


def quoted(name: str) -> str:
    """Write AS2-From or AS2-To.

    >>> quoted("A B"), quoted("ACME")
    ('"A B"', 'ACME')
    """
    return f'"{name}"' if " " in name else name


class Receiver:
    """Takes requests for all relations; ``box`` gives the post box of one of them."""

    def __init__(
        self,
        relations: Sequence[Relation],
        box: Callable[[Relation], Postbox],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._relations = {(one.us, one.them): one for one in relations}
        self._box = box
        self._now = now

    def take(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take one request; ``headers`` have names in lower case. Never raises.

        503 means that it could not be kept: the sender shall try again.
        """
        us, them = (unquoted(headers.get(name, "")) for name in ("as2-to", "as2-from"))
        number = headers.get("message-id", "").strip()
        if not us or not them or not number:
            return Reply(400)
        relation = self._relations.get((us, them))
        if relation is None:
            log.warning("AS2: nobody here knows a partner with these names")
            return self._unknown(us, number, headers)
        try:
            entity = mime.of_http(headers, body)
            if mdn.is_mdn(entity):
                return self._receipt(relation, headers, entity)
            return self._message(relation, number, headers, entity)
        except CrossdockError as error:
            log.warning("AS2 from %s: %s", relation.partner, error)
            return Reply(503, {"Retry-After": "60"})

    # -- messages -----------------------------------------------------------------------------
    def _message(
        self, relation: Relation, number: str, headers: Mapping[str, str], entity: Entity
    ) -> Reply:
        box, name = self._box(relation), mark(relation.us, relation.them, number)
        with box.only(name):
            tries = int((box.state("received", name) or {}).get("tries", 0)) + 1
            box.keep(f"{name}.{tries}", headers, entity.body)
            receipt = self._processed(relation, box, name, number, headers, entity, tries)
        asked = mdn.asked(headers)
        if not asked.wanted:
            return Reply(200 if receipt.positive else 400)
        return self._answer(relation, box, name, asked, receipt)

    def _processed(
        self,
        relation: Relation,
        box: Postbox,
        name: str,
        number: str,
        headers: Mapping[str, str],
        entity: Entity,
        tries: int,
    ) -> mdn.Receipt:
        """Unwrap, check and deliver; gives what the MDN says."""
        asked = mdn.asked(headers)
        found = None
        try:
            if asked.unknown:
                raise Refusal(refusal.MIC_ALGORITHMS, "no digest that was asked for is known")
            found = as2_message.unwrap(entity, us=relation.identities, them=relation.certificates)
            modifier = self._delivered(relation, box, name, found)
            text = ""
        except Refusal as error:
            modifier, text = error.modifier, error.what
            log.warning("AS2 from %s: %s, %s", relation.partner, modifier, error.what)
        except CrossdockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever foreign bytes make a parser raise
            modifier, text = refusal.UNEXPECTED, "it could not be processed"
            log.warning("AS2 from %s: %s", relation.partner, type(error).__name__)
        state = dict(box.state("received", name) or {}, tries=tries, number=number)
        if modifier not in {"", refusal.DUPLICATE}:
            box.note("received", name, {**state, "last": modifier})
        else:
            box.note("received", name, {**state, "last": "processed"})
        mic = algorithm = ""
        if found is not None:
            algorithm = asked.algorithm or found.signed or "sha256"
            mic = found.mic(algorithm)
        return mdn.Receipt(
            original=number,
            recipient=quoted(relation.us),
            modifier=modifier,
            mic=mic,
            algorithm=asked.spelled or (as2_message.dashed(algorithm) if algorithm else ""),
            text=text,
        )

    def _delivered(
        self, relation: Relation, box: Postbox, name: str, found: as2_message.Unwrapped
    ) -> str:
        """Check what is required and keep the content; gives the modifier of the MDN."""
        if "encrypted" in relation.require and not found.encrypted:
            raise Refusal(refusal.SECURITY, "the message is not encrypted, as was agreed")
        if "signed" in relation.require and not found.signed:
            raise Refusal(refusal.SECURITY, "the message is not signed, as was agreed")
        digest = hashlib.sha256(found.content).hexdigest()
        state = box.state("received", name) or {}
        if state.get("content"):
            if state["content"] != digest:
                raise Refusal(
                    refusal.UNEXPECTED, "this Message-ID came before with another content"
                )
            return refusal.DUPLICATE if relation.duplicates == "warn" else ""
        box.write("out", _file(found.filename, name), found.content)
        box.note("received", name, {**state, "content": digest})
        return ""

    # -- answers ------------------------------------------------------------------------------
    def _unknown(self, us: str, number: str, headers: Mapping[str, str]) -> Reply:
        asked = mdn.asked(headers)
        if not asked.wanted or asked.to:
            return Reply(403)
        receipt = mdn.Receipt(number, quoted(us), refusal.STRANGER)
        made, body = mdn.write(receipt)
        own = self._own(unquoted(headers["as2-to"]), unquoted(headers["as2-from"]))
        del own["Date"]  # the server gives its own
        return Reply(200, {**own, **made}, body)

    def _answer(
        self, relation: Relation, box: Postbox, name: str, asked: mdn.Asked, receipt: mdn.Receipt
    ) -> Reply:
        us = relation.identity if asked.signed else None
        made, body = mdn.write(receipt, us, asked.algorithm or "sha256")
        headers = {**self._own(relation.us, relation.them), **made}
        if not asked.to:
            del headers["Date"]  # the server gives its own
            return Reply(200, headers, body)
        if not relation.may_get(asked.to):
            log.warning("AS2 from %s: its MDN may not go to the host asked for", relation.partner)
            return Reply(403)
        owed = {"url": asked.to, "headers": headers, "body": b64encode(body).decode(), "tries": 0}
        box.note("owed", name, owed)
        return Reply(200, owed=True)

    def _own(self, us: str, them: str) -> dict[str, str]:
        moment = self._now()
        return {
            "AS2-Version": VERSION,
            "AS2-From": quoted(us),
            "AS2-To": quoted(them),
            "Message-ID": f"<{mark(us, them, moment.isoformat())}@crossdock>",
            "Date": format_datetime(moment),
            "MIME-Version": "1.0",
        }

    # -- receipts that come by themselves -------------------------------------------------------
    def _receipt(self, relation: Relation, headers: Mapping[str, str], entity: Entity) -> Reply:
        box = self._box(relation)
        try:
            found = mdn.read(entity, relation.certificates)
        except Refusal as error:
            log.warning("AS2: an MDN of %s proves nothing: %s", relation.partner, error.what)
            return Reply(400)
        name = mark("sent", found.receipt.original)
        with box.only(name):
            state = box.state("sent", name)
            if state is None:
                log.warning("AS2: an MDN of %s is for nothing that we sent", relation.partner)
                return Reply(400)
            box.keep(f"mdn-{name}", headers, entity.body)
            box.note("sent", name, {**state, **judged(relation, state, found)})
        return Reply(200)


def judged(relation: Relation, state: Mapping[str, str], found: mdn.Read) -> dict[str, str]:
    """Say what a receipt means for what was sent: delivered or refused, with the words."""
    receipt = found.receipt
    if relation.receipt_signed and not found.signed:
        return {"state": "refused", "words": "the MDN is not signed, as was agreed"}
    if not receipt.positive:
        return {"state": "refused", "words": f"the partner says {receipt.modifier}"}
    if receipt.mic and not mdn.same_mic(receipt, str(state["mic"]), str(state["algorithm"])):
        return {"state": "refused", "words": "the MIC is not that of what we sent"}
    if not receipt.mic and found.signed:
        return {"state": "refused", "words": "the signed MDN has no MIC"}
    return {"state": "delivered", "words": receipt.modifier}


def owed(box: Postbox) -> list[tuple[str, str, dict[str, str], bytes]]:
    """List the asynchronous MDNs that wait to be sent: name, URL, headers and body."""
    found = []
    for name in box.names("owed"):
        state = box.state("owed", name)
        if state is not None:
            found.append((name, state["url"], state["headers"], b64decode(state["body"])))
    return found


def _file(filename: str, name: str) -> str:
    """Make a file name of theirs harmless, and unique by the message that it came with."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", Path(filename.replace("\\", "/")).name)[-100:]
    plain = plain.lstrip(".") or "message.edi"
    return f"{name[:16]}_{plain}"
