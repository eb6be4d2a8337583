"""OpenSSL's command line as a judge: it reads what we write, and we read what it writes."""

import email
import itertools
import re
import shutil
import subprocess

import pytest

from crossdock.as2 import cms, mdn, message, mime
from crossdock.as2.message import Protection
from crossdock.as2.refusal import Refusal
from tests.as2.conftest import save

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl here")

PAYLOADS = {
    "lf": b"UNB+UNOC:3'\nUNZ+0'\n",
    "crlf": b"ISA*00*~\r\nIEA~\r\n",
    "binary": bytes(range(256)) + b"\r\n--not-a-boundary\r\n",
    "empty": b"",
}


class Judge:
    """OpenSSL with the keys of both sides in a folder."""

    def __init__(self, folder, identities):
        self.folder = folder
        for name, one in identities.items():
            save(folder, name, one)

    def run(self, *words, given=None):
        command = ["openssl", *map(str, words)]
        done = subprocess.run(command, input=given, capture_output=True, cwd=self.folder)
        return done.returncode == 0, done.stdout, done.stderr.decode()

    def verified(self, raw):
        """The signed part, cut out by hand: OpenSSL's own reading of MIME is for text only."""
        boundary = b"--" + email.message_from_bytes(raw).get_boundary().encode()
        _, part, signature, _ = re.split(rb"(?:\r\n|(?<=\r\n\r\n))" + boundary, raw)
        part = part.removeprefix(b"\r\n")
        (self.folder / "part").write_bytes(part)
        (self.folder / "part.p7s").write_bytes(
            email.message_from_bytes(signature.lstrip(b"\r\n")).get_payload(decode=True)
        )
        ok, out, said = self.run(
            "cms", "-verify", "-binary", "-inform", "DER", "-in", "part.p7s", "-content", "part",
            "-CAfile", "us.pem", "-purpose", "any",
        )  # fmt: skip
        assert ok, said
        assert out == part
        return out

    def decrypted(self, raw):
        ok, out, said = self.run(
            "cms", "-decrypt", "-binary", "-inform", "DER", "-recip", "them.pem", "-inkey",
            "them.key", given=raw,
        )  # fmt: skip
        assert ok, said
        return out


@pytest.fixture(scope="module")
def judge(tmp_path_factory, identities):
    return Judge(tmp_path_factory.mktemp("judge"), identities)


def entity(wrapped):
    return mime.build(list(wrapped.headers.items()), wrapped.body)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_openssl_verifies_what_we_sign(judge, identities, payload, digest):
    made = message.wrap(payload, Protection(digest, "", ""), us=identities["us"])
    inner = judge.verified(entity(made))
    assert inner.endswith(b"\r\n\r\n" + payload)
    if payload == PAYLOADS["crlf"]:
        whole = entity(made)
        for raw, right in ((whole, True), (whole.replace(b"ISA*00", b"ISA*01"), False)):
            ok, _, _ = judge.run("cms", "-verify", "-inform", "SMIME", "-CAfile", "us.pem",
                                 "-purpose", "any", given=raw)  # fmt: skip
            assert ok is right


@pytest.mark.parametrize("cipher", cms.CIPHERS)
def test_openssl_decrypts_and_verifies_what_we_send(judge, identities, cipher):
    for payload, compress in itertools.product(PAYLOADS.values(), ("", "before")):
        made = message.wrap(
            payload,
            Protection("sha256", cipher, compress),
            us=identities["us"],
            them=identities["them"].certificate,
        )
        inner = judge.verified(judge.decrypted(made.body))
        if compress:
            inner = cms.decompress(mime.parse(inner).content(), 10_000)
        assert mime.parse(inner).body == payload


def test_openssl_verifies_our_receipts(judge, identities):
    receipt = mdn.Receipt("<1@there>", "ACME", "", "AAAA", "sha-256")
    headers, body = mdn.write(receipt, identities["us"])
    inner = judge.verified(mime.build(list(headers.items()), body))
    assert b"Original-Message-ID: <1@there>\r\n" in inner


def test_compressed_data_is_what_rfc_3274_says(judge):
    ok, out, _ = judge.run("asn1parse", "-inform", "DER", given=cms.compress(b"x" * 1000))
    assert ok
    assert b"id-smime-ct-compressedData" in out
    assert b"zlib compression" in out


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("stream", [(), ("-stream",)])
def test_we_read_what_openssl_signs_and_encrypts(judge, identities, payload, stream):
    part = mime.build([("Content-Type", "application/edifact")], payload)
    for digest, cipher in (("sha1", "-des3"), ("sha256", "-aes128"), ("sha512", "-aes-256-gcm")):
        ok, signed, said = judge.run(
            "cms", "-sign", "-binary", *stream, "-signer", "us.pem", "-inkey", "us.key", "-md",
            digest, given=part,
        )  # fmt: skip
        assert ok, said
        ok, sealed, said = judge.run(
            "cms", "-encrypt", "-binary", *stream, "-outform", "DER", cipher, "them.pem",
            given=signed,
        )  # fmt: skip
        assert ok, said
        kind = "application/pkcs7-mime; smime-type=enveloped-data"
        found = message.unwrap(
            mime.of_http({"content-type": kind}, sealed),
            us=[identities["them"]],
            them=[identities["us"].certificate],
        )
        assert (found.content, found.signed, found.encrypted) == (payload, digest, True)
        assert found.mic_bytes == part


def test_we_read_base64_opaque_signatures_oaep_and_pss(judge, identities):
    part = mime.build([("Content-Type", "application/edi-x12")], PAYLOADS["crlf"])
    us, them = [identities["them"]], [identities["us"].certificate]
    _, opaque, _ = judge.run(
        "cms", "-sign", "-nodetach", "-binary", "-signer", "us.pem", "-inkey", "us.key",
        "-keyopt", "rsa_padding_mode:pss", given=part,
    )  # fmt: skip
    found = message.unwrap(mime.parse(opaque), us=us, them=them)
    assert (found.content, found.signed, found.media) == (
        PAYLOADS["crlf"],
        "sha256",
        "application/edi-x12",
    )
    _, sealed, _ = judge.run(
        "cms", "-encrypt", "-binary", "-aes256", "-recip", "them.pem", "-keyopt",
        "rsa_padding_mode:oaep", given=part,
    )  # fmt: skip
    found = message.unwrap(mime.parse(sealed), us=us, them=them)
    assert (found.content, found.encrypted, found.mic_bytes) == (PAYLOADS["crlf"], True, part)


def test_a_signature_without_attributes_and_one_by_another(judge, identities):
    part = mime.build([("Content-Type", "text/plain")], b"hello")
    _, bare, _ = judge.run(
        "cms", "-sign", "-noattr", "-binary", "-signer", "us.pem", "-inkey", "us.key", given=part
    )
    them = [identities["us"].certificate]
    assert message.unwrap(mime.parse(bare), them=them).signed == "sha256"
    with pytest.raises(Refusal) as caught:
        message.unwrap(mime.parse(bare), them=[identities["them"].certificate])
    assert caught.value.modifier == "error: authentication-failed"
    with pytest.raises(Refusal) as caught:
        message.unwrap(mime.parse(bare.replace(b"hello", b"hullo")), them=them)
    assert caught.value.modifier in {
        "error: integrity-check-failed",
        "error: authentication-failed",
    }
