"""Tables for people to open in a spreadsheet: CSV or Excel, with no cell that is a formula.

Text from a shop may begin like a formula (``=HYPERLINK(...)``), and a spreadsheet would run it. In
CSV such text gets an apostrophe in front, as OWASP advises; in Excel every text is a string cell.
Feeds for machines are another thing and are never altered.

https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from crossdock.errors import Misconfigured

_DANGEROUS = re.compile("[ \u00a0\ufeff\u200b]*[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
Row = Mapping[str, Any]


def safe(value: Any) -> Any:
    """Give what may stand in a cell: numbers as they are, other text with no formula in it.

    >>> safe("=1+1"), safe(" @SUM(A1)"), safe("Tea"), safe(None)
    ("'=1+1", "' @SUM(A1)", 'Tea', '')
    >>> safe(Decimal("-12.50")), safe("-12.50")
    (Decimal('-12.50'), "'-12.50")
    """
    if value is None:
        return ""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return value
    text = str(value)
    plain = _CONTROL.sub("\ufffd", text)
    return f"'{plain}" if _DANGEROUS.match(text) else plain


def write(path: Path, headings: Sequence[str], rows: Iterable[Row]) -> int:
    """Write rows (by heading) to ``path``, which ends in .csv or .xlsx; gives their number.

    The file is for this user alone. Raises Misconfigured for another ending.
    """
    if path.suffix.lower() not in {".csv", ".xlsx"}:
        raise Misconfigured(f"{path.name} is no .csv and no .xlsx", fix="choose one of the two")
    listed = [[safe(row.get(name)) for name in headings] for row in rows]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if path.suffix.lower() == ".xlsx":
        from crossdock import excel

        with os.fdopen(handle, "wb") as file:
            excel.write(file, headings, listed)
        return len(listed)
    with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(headings)
        writer.writerows(listed)
    return len(listed)
