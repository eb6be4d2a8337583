"""What goes wrong with a message that came, in the words that an MDN has for it."""

from __future__ import annotations

from crossdock.errors import Unreadable


class Refusal(Unreadable):
    """A message that is not taken; ``modifier`` is what its MDN says after ``processed/``.

    Source: RFC 4130, 7.5.
    """

    def __init__(self, modifier: str, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.modifier = modifier


DECRYPTION = "error: decryption-failed"
AUTHENTICATION = "error: authentication-failed"
DECOMPRESSION = "error: decompression-failed"
INTEGRITY = "error: integrity-check-failed"
SECURITY = "error: insufficient-message-security"
UNEXPECTED = "error: unexpected-processing-error"
STRANGER = "error: unknown-trading-partner"
FORMAT = "failure: unsupported format"
MIC_ALGORITHMS = "failure: unsupported MIC-algorithms"
DUPLICATE = "warning: duplicate-document"
