"""AS2 between two servers of ours: every profile there and back, and what goes wrong."""

import itertools
import json
import logging
import time
from dataclasses import replace

import pytest

from crossdock.as2 import mdn, message, mime
from crossdock.as2.message import Protection
from crossdock.as2.postbox import mark
from crossdock.as2.sender import Sender
from crossdock.connector import World
from crossdock.errors import Misconfigured, TryLater
from crossdock.exchange import Request
from crossdock.http import HttpSession

ORDER = b"UNB+UNOC:3+4098765000003:14+4012345000009:14+260901:0930+41'\nUNZ+0+41'\n\xfc\x00\r\n"

SIGNS = ("", "sha256", "sha512", "sha1")
CIPHERS = ("", "aes128_cbc", "aes256_cbc", "aes256_gcm")
COMPRESS = ("", "before", "after")
RECEIPTS = (("none", False), ("sync", False), ("sync", True), ("async", False), ("async", True))


def awaited(loop, name, seconds=60.0):
    """Wait until the receipt of a file is here."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sent = loop.state(name)
        if sent.state != "awaited":
            return sent
        time.sleep(0.02)
    raise AssertionError("no receipt came")


def profiles():
    """Every combination of protection, each receipt with several of them."""
    found = []
    for number, (sign, cipher, compress) in enumerate(itertools.product(SIGNS, CIPHERS, COMPRESS)):
        if compress == "after" and not sign:
            continue
        found.append((sign, cipher, compress, *RECEIPTS[number % len(RECEIPTS)]))
    return found


def crosses(loop, number, profile):
    """Send one content with a profile; it arrives whole, and its receipt says yes."""
    sign, cipher, compress, kind, signed = profile
    protection = Protection(sign, cipher, compress)
    loop.agree(protection=protection, receipts=kind, receipt_signed=signed)
    content = ORDER + str(profile).encode()
    name = f"order_{number}.edi"
    sent = loop.send(content, name)
    if kind == "async":
        assert sent.state in {"awaited", "delivered"}
        sent = awaited(loop, name)
    assert (sent.state, sent.words) == (
        "delivered",
        "no MDN was asked for" if kind == "none" else "",
    )
    assert content in loop.them.contents(), profile
    if kind == "none":
        return
    state = loop.us.box.state("sent", mark("sent", sent.number))
    assert state["mic"], profile


def test_profiles_cross(loop):
    for number, profile in enumerate(profiles()):
        crosses(loop, number, profile)


@pytest.mark.slow
def test_every_profile_with_every_receipt_crosses(loop):
    number = 0
    for sign, cipher, compress, (kind, signed) in itertools.product(
        SIGNS, CIPHERS, COMPRESS, RECEIPTS
    ):
        if compress == "after" and not sign:
            continue
        number += 1
        crosses(loop, number, (sign, cipher, compress, kind, signed))
    assert number == 4 * 4 * 3 * 5 - 4 * 5


def test_a_retry_has_the_same_message_id_and_is_delivered_once(loop):
    first = loop.send(ORDER, "a.edi")
    state = next(loop.us.box.names("sent"))
    loop.us.box.note("sent", state, {**loop.us.box.state("sent", state), "state": "sending"})
    again = loop.send(ORDER, "a.edi")
    assert first == again
    assert again.state == "delivered"
    assert loop.them.contents() == [ORDER]
    assert len(list((loop.them.box.root / "raw").glob("*"))) == 2


def test_duplicates_may_be_answered_with_a_warning(loop):
    loop.send(ORDER, "a.edi")
    loop.agree(duplicates="warn")
    name = next(loop.us.box.names("sent"))
    loop.us.box.forget("sent", name)
    again = loop.send(ORDER, "a.edi")
    assert (again.state, again.words) == ("delivered", "warning: duplicate-document")
    assert loop.them.contents() == [ORDER]


def test_a_message_id_with_another_content_is_no_duplicate(loop, caplog):
    loop.send(ORDER, "a.edi")
    loop.us.box.forget("sent", next(loop.us.box.names("sent")))
    with caplog.at_level(logging.CRITICAL):
        again = loop.send(ORDER + b"more", "a.edi")
    assert (again.state, again.words) == (
        "refused",
        "the partner says error: unexpected-processing-error",
    )
    assert loop.them.contents() == [ORDER]


@pytest.mark.parametrize(
    ("side", "changes", "modifier"),
    [
        ("us", {"certificates": "stranger"}, "error: decryption-failed"),
        ("us", {"identities": "stranger"}, "error: authentication-failed"),
        ("them", {"require": frozenset({"encrypted"}), "plain": True},
         "error: insufficient-message-security"),
        ("them", {"require": frozenset({"signed"}), "plain": True},
         "error: insufficient-message-security"),
        ("us", {"us": "NOBODY"}, "error: unknown-trading-partner"),
    ],
)  # fmt: skip
def test_each_fault_has_its_modifier(loop, identities, side, changes, modifier):
    changes = dict(changes)
    stranger = identities["stranger"]
    if changes.pop("plain", False):
        loop.agree(protection=Protection("", "", ""))
    if changes.get("certificates"):
        changes["certificates"] = [stranger.certificate, *loop.us.relation.certificates]
    if changes.get("identities"):
        changes["identities"] = [stranger]
    one = getattr(loop, side)
    loop.agree(receipt_signed=False)
    one.relation = replace(one.relation, **changes)
    sent = loop.send(ORDER, "a.edi")
    assert (sent.state, sent.words) == ("refused", f"the partner says {modifier}")
    assert loop.them.contents() == []


def test_after_a_failure_the_same_message_id_is_taken(loop, identities):
    good = loop.us.relation
    loop.us.relation = replace(good, identities=[identities["stranger"]])
    assert loop.send(ORDER, "a.edi").state == "refused"
    loop.us.relation = good
    assert loop.send(ORDER, "a.edi").state == "delivered"
    assert loop.them.contents() == [ORDER]


def test_a_new_certificate_beside_the_old_one(loop, identities):
    new, old = identities["stranger"], identities["them"]
    loop.them.relation = replace(loop.them.relation, identities=[new, old])
    loop.us.relation = replace(loop.us.relation, certificates=[old.certificate, new.certificate])
    assert loop.send(ORDER, "a.edi").state == "delivered"
    loop.us.relation = replace(loop.us.relation, certificates=[new.certificate, old.certificate])
    assert loop.send(ORDER, "b.edi").state == "delivered"


def posted(loop, headers, body):
    session = HttpSession(loop.world, loop.egress)
    try:
        request = Request("POST", loop.them.served.url, headers=headers, body=body, again=False,
                          judged=False)  # fmt: skip
        return session.send(request)
    finally:
        session.close()


def wrapped(loop, **more):
    made = message.wrap(
        ORDER, Protection(), us=loop.us.relation.identity, them=loop.us.relation.certificate
    )
    headers = {
        "AS2-From": "CROSSDOCK", "AS2-To": '"RETAIL ER"', "Message-ID": "<1@here>",
        "Disposition-Notification-To": "x", **made.headers, **more,
    }  # fmt: skip
    return headers, made


def test_what_was_changed_on_the_way_is_refused(loop):
    plain = message.wrap(ORDER, Protection("sha256", "", ""), us=loop.us.relation.identity)
    headers, _ = wrapped(loop)
    headers.update(plain.headers)
    headers.pop("Content-Disposition", None)
    headers.pop("Content-Transfer-Encoding", None)
    answer = posted(loop, headers, plain.body.replace(b"UNZ+0+41", b"UNZ+0+42"))
    found = mdn.read(mime.of_http(answer.headers, answer.body), [])
    assert found.receipt.modifier == "error: integrity-check-failed"


def test_digests_that_nobody_knows_are_a_failure(loop):
    options = (
        "signed-receipt-protocol=optional, pkcs7-signature; signed-receipt-micalg=optional, md2"
    )
    headers, made = wrapped(loop, **{"Disposition-Notification-Options": options})
    answer = posted(loop, headers, made.body)
    them = [loop.them.relation.identity.certificate]
    found = mdn.read(mime.of_http(answer.headers, answer.body), them)
    assert found.receipt.modifier == "failure: unsupported MIC-algorithms"
    assert b"Disposition: automatic-action/MDN-sent-automatically; failed/failure:" in answer.body
    assert loop.them.contents() == []


def test_the_mic_is_spelled_as_it_was_asked_for(loop):
    options = "signed-receipt-micalg=optional, sha1, md5"
    headers, made = wrapped(loop, **{"Disposition-Notification-Options": options})
    answer = posted(loop, headers, made.body)
    receipt = mdn.read(mime.of_http(answer.headers, answer.body), []).receipt
    assert (receipt.algorithm, receipt.original, receipt.positive) == ("sha1", "<1@here>", True)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"AS2-From": ""}, 400),
        ({"Message-ID": ""}, 400),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Receipt-Delivery-Option": "http://127.0.0.2/", "AS2-From": "NOBODY"}, 403),
        ({"Receipt-Delivery-Option": "http://elsewhere.example/"}, 403),
    ],
)
def test_what_is_no_as2_or_asks_too_much_is_refused(loop, change, status):
    headers, made = wrapped(loop, **change)
    assert posted(loop, headers, made.body).status == status


def test_nothing_is_said_before_it_is_kept(loop, tmp_path):
    (loop.them.box.root).mkdir(exist_ok=True)
    (loop.them.box.root / "raw").write_text("a file where the folder should be")
    with pytest.raises(TryLater, match="503"):
        loop.send(ORDER, "a.edi")
    (loop.them.box.root / "raw").unlink()
    assert loop.send(ORDER, "a.edi").state == "delivered"


def test_a_partner_who_is_away_is_tried_later_and_one_who_refuses_is_not(loop):
    away = replace(loop.us.relation, url="http://127.0.0.1:9/as2")
    loop.us.relation = away
    with pytest.raises(TryLater):
        loop.send(ORDER, "a.edi")
    with pytest.raises(TryLater, match="not sent yet"):
        loop.state("never.edi")
    loop.agree(receipts="none", us="")
    with pytest.raises(Misconfigured, match="400"):
        loop.send(ORDER, "b.edi")


def test_an_overdue_receipt_is_asked_for_again(loop, tmp_path):
    loop.agree(receipts="async")
    loop.us.relation = replace(loop.us.relation, receipt_url="http://127.0.0.1:9/as2")
    assert loop.send(ORDER, "a.edi").state == "awaited"
    name = next(loop.us.box.names("sent"))
    known = loop.us.box.state("sent", name)
    loop.us.box.note("sent", name, {**known, "at": "2020-01-01T00:00:00+00:00"})
    with pytest.raises(TryLater, match="no MDN came"):
        loop.state("a.edi")
    loop.agree(receipts="async")
    loop.send(ORDER, "a.edi")
    assert awaited(loop, "a.edi").state == "delivered"
    assert loop.them.contents() == [ORDER]


def test_a_forged_receipt_changes_nothing(loop, identities):
    loop.agree(receipts="async")
    loop.us.relation = replace(loop.us.relation, receipt_url="http://127.0.0.1:9/as2")
    sent = loop.send(ORDER, "a.edi")
    receipt = mdn.Receipt(sent.number, "x", "", "AAAA", "sha-256")
    headers, body = mdn.write(receipt, identities["stranger"])
    names = {"AS2-From": '"RETAIL ER"', "AS2-To": "CROSSDOCK", "Message-ID": "<2@there>"}
    session = HttpSession(loop.world, loop.egress)
    try:
        request = Request("POST", loop.us.served.url, headers={**names, **headers}, body=body,
                          again=False, judged=False)  # fmt: skip
        assert session.send(request).status == 400
    finally:
        session.close()
    assert loop.state("a.edi").state == "awaited"


def test_a_receipt_with_another_mic_is_a_refusal(loop):
    loop.agree(receipts="async")
    loop.us.relation = replace(loop.us.relation, receipt_url="http://127.0.0.1:9/as2")
    sent = loop.send(ORDER, "a.edi")
    receipt = mdn.Receipt(sent.number, "x", "", "AAAA", "sha-256")
    headers, body = mdn.write(receipt, loop.them.relation.identity)
    names = {"AS2-From": '"RETAIL ER"', "AS2-To": "CROSSDOCK", "Message-ID": "<2@there>"}
    session = HttpSession(loop.world, loop.egress)
    try:
        request = Request("POST", loop.us.served.url, headers={**names, **headers}, body=body,
                          again=False, judged=False)  # fmt: skip
        assert session.send(request).status == 200
    finally:
        session.close()
    assert loop.state("a.edi").words == "the MIC is not that of what we sent"


def test_file_names_of_theirs_do_no_harm(loop):
    made = message.wrap(ORDER, Protection("", "", ""), filename="ok.edi")
    headers = {
        "AS2-From": "CROSSDOCK", "AS2-To": '"RETAIL ER"', "Message-ID": "<3@here>", **made.headers,
        "Content-Disposition": 'attachment; filename="../../.ssh/authorized keys"',
    }  # fmt: skip
    assert posted(loop, headers, made.body).status == 200
    (path,) = (loop.them.box.root / "out").iterdir()
    assert path.name.endswith("_authorized_keys")


def test_a_receipt_that_is_owed_survives_a_restart(loop):
    loop.agree(receipts="async")
    away = loop.us.relation.receipt_url
    loop.us.relation = replace(loop.us.relation, receipt_url="http://127.0.0.1:9/as2")
    loop.send(ORDER, "a.edi")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = [loop.them.box.state("owed", name) for name in loop.them.box.names("owed")]
        if states and states[0] and states[0]["tries"]:
            break
        time.sleep(0.02)
    (name,) = loop.them.box.names("owed")
    state = loop.them.box.state("owed", name)
    loop.them.box.note("owed", name, json.loads(json.dumps({**state, "url": away})))
    sender = Sender(World(loop.world.project, loop.world.scratch), loop.egress, loop.them.relation,
                    loop.them.box)  # fmt: skip
    try:
        assert sender.pay() == 1
    finally:
        sender.close()
    assert loop.state("a.edi").state == "delivered"
    assert list(loop.them.box.names("owed")) == []
