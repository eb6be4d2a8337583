"""One message by itself: the MIC of each kind, layers, and bytes that are no message at all."""

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.as2 import cms, mdn, message, mime
from crossdock.as2.message import Protection
from crossdock.as2.refusal import Refusal

CONTENT = b"UNA:+.? '\nUNB+UNOC:3'\r\n"


def mic(data, name="sha256"):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


def wrap(identities, *protection, content=CONTENT):
    return message.wrap(
        content,
        Protection(*protection),
        filename="a b.edi",
        us=identities["us"],
        them=identities["them"].certificate,
    )


def unwrap(identities, made, **more):
    headers = {name.lower(): value for name, value in made.headers.items()}
    return message.unwrap(
        mime.of_http(headers, made.body),
        us=[identities["them"]],
        them=[identities["us"].certificate],
        **more,
    )


ENTITY = (
    b"Content-Type: application/edifact\r\nContent-Transfer-Encoding: binary\r\n"
    b'Content-Disposition: attachment; filename="a b.edi"\r\n\r\n' + CONTENT
)


@pytest.mark.parametrize(
    ("protection", "covered", "name"),
    [
        (("", "", ""), CONTENT, "sha256"),
        (("", "aes128_cbc", ""), ENTITY, "sha256"),
        (("", "", "before"), ENTITY, "sha256"),
        (("", "aes256_gcm", "before"), ENTITY, "sha256"),
        (("sha256", "", ""), ENTITY, "sha256"),
        (("sha512", "aes256_cbc", ""), ENTITY, "sha512"),
        (("sha1", "aes256_cbc", "after"), ENTITY, "sha1"),
    ],
)
def test_what_the_mic_covers(identities, protection, covered, name):
    made = wrap(identities, *protection)
    assert made.mic == mic(covered, name)
    found = unwrap(identities, made)
    assert found.mic(name) == made.mic
    assert (found.content, found.filename) == (CONTENT, "a b.edi")
    assert (found.signed, found.encrypted, found.compressed) == (
        protection[0],
        bool(protection[1]),
        bool(protection[2]),
    )


def test_compressed_before_signing_the_mic_covers_the_compressed_part(identities):
    made = wrap(identities, "sha256", "", "before")
    inner = mime.split(mime.parse(mime.build(list(made.headers.items()), made.body)))[0]
    assert b"smime-type=compressed-data" in inner
    assert made.mic == mic(inner)
    assert unwrap(identities, made).mic("sha256") == made.mic


def test_what_grows_too_much_is_not_unpacked(identities):
    made = wrap(identities, "", "", "before", content=bytes(10_000_000))
    assert len(made.body) < 20_000
    with pytest.raises(Refusal) as caught:
        unwrap(identities, made, most=1_000_000)
    assert caught.value.modifier == "error: decompression-failed"


def test_layers_without_end_are_refused():
    part = CONTENT
    for _ in range(8):
        head = [("Content-Type", "application/pkcs7-mime; smime-type=compressed-data")]
        part = mime.build(head, cms.compress(part))
    with pytest.raises(Refusal, match="layers"):
        message.unwrap(mime.parse(part))


def test_base64_and_none_and_unknown_encodings():
    coded = mime.build(
        [("Content-Type", "text/plain"), ("Content-Transfer-Encoding", "base64")],
        base64.encodebytes(CONTENT),
    )
    assert message.unwrap(mime.parse(coded)).content == CONTENT
    assert message.unwrap(mime.parse(b"Content-Type: a/b\n\n" + CONTENT)).content == CONTENT
    with pytest.raises(Refusal) as caught:
        mime.parse(b"Content-Transfer-Encoding: x-uuencode\r\n\r\nx").content()
    assert caught.value.modifier == "failure: unsupported format"
    with pytest.raises(Refusal, match="base64"):
        mime.parse(b"Content-Transfer-Encoding: base64\r\n\r\n!!").content()


def test_parts_keep_every_byte():
    parts = [b"Content-Type: a/b\r\n\r\n\r\nx\r\n", b"\r\n--almost\r\n", b"A: b\n\nlast\n"]
    body = mime.join(parts, "edge") + b"epilogue"
    entity = mime.Entity(
        {"content-type": 'multipart/mixed; boundary="edge"'}, b"before\r\n" + body, b""
    )
    assert mime.split(entity) == parts
    with pytest.raises(Refusal, match="cut off"):
        mime.split(mime.Entity(entity.headers, body[:-30], b""))


def test_a_receipt_is_read_as_it_was_written(identities):
    receipt = mdn.Receipt("<a@b>", '"RETAIL ER"', "error: decryption-failed", "QUJD", "sha-256")
    for us, signed in ((None, ""), (identities["us"], "sha256")):
        headers, body = mdn.write(receipt, us)
        entity = mime.of_http({"content-type": headers["Content-Type"]}, body)
        assert mdn.is_mdn(entity)
        found = mdn.read(entity, [identities["us"].certificate])
        assert found.signed == signed
        assert found.receipt == receipt
        assert not found.receipt.positive


RECORDED = (
    b"--b1\nContent-Type: text/plain\n\nThe message was received.\n--b1\n"
    b"Content-Type: message/disposition-notification\n\n"
    b"Reporting-UA: Example AS2\nOriginal-Recipient: rfc822; US\nFinal-Recipient: rfc822; US\n"
    b"Original-Message-ID: <77@us>\n"
    b"Disposition: automatic-action/MDN-sent-automatically;processed/Warning:duplicate-document\n"
    b"Received-Content-MIC: QUJD=, SHA1\n\n--b1--\n"
)


def test_receipts_of_other_hands_are_read():
    entity = mime.of_http({"content-type": "multipart/report; boundary=b1"}, RECORDED)
    receipt = mdn.read(entity, []).receipt
    assert (receipt.original, receipt.mic, receipt.algorithm) == ("<77@us>", "QUJD=", "SHA1")
    assert receipt.positive
    assert mdn.same_mic(receipt, "QUJD=", "sha1")
    assert not mdn.same_mic(receipt, "QUJD=", "sha256")


def test_what_a_message_asks_for():
    assert not mdn.asked({}).wanted
    options = (
        "signed-receipt-protocol = optional , PKCS7-signature ; "
        "signed-receipt-micalg=optional,md5, SHA-256"
    )
    found = mdn.asked(
        {"disposition-notification-to": "x", "disposition-notification-options": options}
    )
    assert (found.wanted, found.signed, found.algorithm, found.spelled) == (
        True,
        True,
        "sha256",
        "SHA-256",
    )


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_whatever_comes_is_refused_in_our_words(identities, data):
    made = wrap(identities, "sha256", data.draw(st.sampled_from(["", "aes128_cbc"])), "before")
    body = bytearray(made.body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    headers = {name.lower(): value for name, value in made.headers.items()}
    with contextlib.suppress(Refusal):  # and nothing but Refusal
        found = message.unwrap(
            mime.of_http(headers, bytes(body)),
            us=[identities["them"]],
            them=[identities["us"].certificate],
        )
        assert found.content == CONTENT
