"""Send over AS2: a content, and the asynchronous receipts that we owe.

A content that is sent again has the Message-ID that it had before, so that the partner knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from crossdock.as2 import mdn, message, mime, receive
from crossdock.as2.postbox import Postbox, mark
from crossdock.as2.refusal import Refusal
from crossdock.as2.relation import Relation
from crossdock.connector import World
from crossdock.egress import Egress
from crossdock.errors import Misconfigured, Refused, TryLater
from crossdock.exchange import Answer, Request
from crossdock.http import HttpSession

MOST_TRIES = 50
"""So often an asynchronous MDN is tried before its sender has to ask again."""


@dataclass(frozen=True)
class Sent:
    """What became of a content: delivered, refused or awaited (its MDN is still to come)."""

    state: str
    number: str
    words: str = ""


class Sender:
    """Sends to one partner and keeps in its post box what became of it."""

    def __init__(self, world: World, egress: Egress, relation: Relation, box: Postbox) -> None:
        self._world, self._relation, self._box = world, relation, box
        self._session = HttpSession(world, egress, headers={"Accept": "*/*"})

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def send(self, content: bytes, filename: str) -> Sent:
        """Send ``content``; the same ``filename`` has the same Message-ID.

        Raises TryLater when it is not known whether it arrived, or the partner is busy;
        Misconfigured when the partner's server refuses us.
        """
        known, number = self._relation, self.number(filename)
        if not known.url:
            raise Misconfigured("them needs a url to send to", where=f"as2 of {known.partner}")
        name = mark("sent", number)
        wrapped = message.wrap(
            content,
            known.protection,
            media=known.media,
            filename=filename,
            us=known.identity,
            them=known.certificate,
            algorithm=known.receipt_digest,
        )
        state = {
            "number": number, "mic": wrapped.mic, "algorithm": wrapped.algorithm,
            "state": "sending", "words": "", "at": self._world.now().isoformat(),
        }  # fmt: skip
        with self._box.only(name):
            before = self._box.state("sent", name)
            if before is not None and before["state"] == "delivered":
                return Sent("delivered", number, before["words"])
            self._box.note("sent", name, state)
        headers = {**self._headers(number, filename), **wrapped.headers}
        answer = self._post(known.url, headers, wrapped.body)
        return self._noted(name, state, answer)

    def number(self, filename: str) -> str:
        """The Message-ID of a file."""
        return f"<{mark(self._relation.us, self._relation.them, filename)}@crossdock>"

    def state(self, filename: str) -> Sent:
        """Say what is known of a file that was sent; an MDN that is overdue raises TryLater."""
        number = self.number(filename)
        known = self._box.state("sent", mark("sent", number))
        if known is None:
            raise TryLater("it was not sent yet", where=filename)
        if known["state"] == "awaited":
            late = datetime.fromisoformat(known["at"]) + timedelta(hours=self._relation.hours)
            if self._world.now() > late:
                raise TryLater(
                    f"no MDN came within {self._relation.hours:g} hours", where=number,
                    fix="it is sent again with the same Message-ID",
                )  # fmt: skip
        return Sent(known["state"], number, known["words"])

    def _headers(self, number: str, filename: str) -> dict[str, str]:
        known = self._relation
        headers = {
            "AS2-Version": receive.VERSION,
            "AS2-From": receive.quoted(known.us),
            "AS2-To": receive.quoted(known.them),
            "Message-ID": number,
            "Subject": "Business document",
            "Date": format_datetime(self._world.now().astimezone(UTC)),
            "MIME-Version": "1.0",
        }
        if known.receipts != "none":
            headers["Disposition-Notification-To"] = receive.quoted(known.us)
            digest = message.dashed(known.protection.sign or known.receipt_digest)
            options = [f"signed-receipt-micalg=required, {digest}"]
            if known.receipt_signed:
                options.insert(0, "signed-receipt-protocol=required, pkcs7-signature")
            headers["Disposition-Notification-Options"] = "; ".join(options)
        if known.receipts == "async":
            headers["Receipt-Delivery-Option"] = known.receipt_url
        return headers

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        request = Request(
            "POST", url, headers=headers, body=body, again=False, judged=False, deadline=120.0
        )
        answer = self._session.send(request)
        if 200 <= answer.status < 300:
            return answer
        where = f"as2 of {self._relation.partner}"
        if answer.status in {408, 425, 429} or answer.status >= 500:
            raise TryLater(f"the partner's server answers {answer.status}", where=where)
        raise Misconfigured(
            f"the partner's server answers {answer.status}",
            where=where,
            fix="ask them whether they know our AS2 name and address",
        )

    def _noted(self, name: str, state: Mapping[str, str], answer: Answer) -> Sent:
        known = self._relation
        if known.receipts == "none":
            result = {"state": "delivered", "words": "no MDN was asked for"}
        else:
            entity = mime.of_http(answer.headers, answer.body)
            if answer.body.strip() and mdn.is_mdn(entity):
                result = self._judged(name, state, answer)
            elif known.receipts == "async":
                result = {"state": "awaited", "words": ""}
            else:
                raise TryLater("the answer holds no MDN", where=f"as2 of {known.partner}")
        with self._box.only(name):
            now = self._box.state("sent", name) or state
            if result["state"] == "awaited" and now["state"] in {"delivered", "refused"}:
                result = {key: now[key] for key in result}  # its MDN was faster than this answer
            self._box.note("sent", name, {**state, **result})
        return Sent(result["state"], state["number"], result["words"])

    def _judged(self, name: str, state: Mapping[str, str], answer: Answer) -> dict[str, str]:
        self._box.keep(f"mdn-{name}", answer.headers, answer.body)
        try:
            found = mdn.read(mime.of_http(answer.headers, answer.body), self._relation.certificates)
        except Refusal as error:
            raise TryLater(f"the MDN proves nothing: {error.what}") from None
        if found.receipt.original.strip("<>") != state["number"].strip("<>"):
            raise TryLater(
                "the MDN is for another message", where=f"as2 of {self._relation.partner}"
            )
        return receive.judged(self._relation, state, found)

    # -- receipts that we owe -------------------------------------------------------------------
    def pay(self) -> int:
        """Send the asynchronous MDNs that wait; gives how many went. What fails waits on."""
        went = 0
        for name, url, headers, body in receive.owed(self._box):
            try:
                self._post(url, headers, body)
            except (TryLater, Misconfigured, Refused):
                state = self._box.state("owed", name)
                if state is not None and state["tries"] < MOST_TRIES:
                    self._box.note("owed", name, {**state, "tries": state["tries"] + 1})
                    continue
            else:
                went += 1
            self._box.forget("owed", name)
        return went
