"""Names of files: shown without harm, and checked before we give one."""

from __future__ import annotations

from crossdock.errors import Misconfigured

LONGEST = 200


def shown(raw: bytes) -> str:
    r"""Give a name as printable text; what is no UTF-8 or no letter is escaped.

    >>> shown(b"caf\xe9\n.csv")
    'caf\\xe9\\x0a.csv'
    """
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def valid(name: str) -> str:
    """Give back a name that may be used at any target; raises Misconfigured.

    >>> valid("orders-1.csv")
    'orders-1.csv'
    """
    plain = name.isprintable() and "/" not in name and "\\" not in name
    if not plain or name.startswith(".") or not 0 < len(name.encode()) <= LONGEST:
        raise Misconfigured(f"{shown(name.encode())[:80]!r} cannot be the name of a file")
    return name
