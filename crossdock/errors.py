"""Errors, named after what to do next.

A connector, a parser or a step raises one of these and nothing else; each carries words that a
person can act on. Messages never hold secrets or personal data: ids, field names and places only.
"""

from __future__ import annotations


class CrossdockError(Exception):
    """Base of every error that Crossdock raises on purpose.

    >>> str(CrossdockError("no column 'sku'", where="stock.csv:1", fix="add it to the header"))
    "no column 'sku' (stock.csv:1). Fix: add it to the header"
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        text = f"{what} ({where})" if where else what
        super().__init__(f"{text}. Fix: {fix}" if fix else text)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way between processes, which passes positional arguments only."""
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[CrossdockError], state: dict[str, object]) -> CrossdockError:
    error = kind(str(state["what"]), where=str(state["where"]), fix=str(state["fix"]))
    error.__dict__.update(state)
    return error


class TryLater(CrossdockError):  # noqa: N818 - named after what to do
    """The other side cannot answer now; the same call may succeed later.

    ``after`` is the least number of seconds to wait, None when the other side did not say.
    """

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", after: float | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.after = after


class Refused(CrossdockError):  # noqa: N818
    """The other side, or a rule, says no to this record; hold it and go on with the others."""


class Misconfigured(CrossdockError):  # noqa: N818
    """Nothing can go right until a person changes something; stop the flow and say what."""


class Unreadable(CrossdockError):  # noqa: N818
    """Bytes that no parser can read as what they claim to be; hold the object, go on."""
