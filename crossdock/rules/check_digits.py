"""Check digits of GS1 numbers: GTIN, GLN and SSCC.

Source: GS1 General Specifications, 7.9.1 (standard check digit calculation).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crossdock.history import History
from crossdock.rows import Rows
from crossdock.rules.contract import CommerceRule, Fault, option

_WEIGHTS = np.array([3, 1] * 8 + [3], dtype=np.int64)  # of the 17 digits before the check digit


def valid_gs1(numbers: pa.Array, lengths: str) -> pa.Array:
    """Say which of ``numbers`` (string) have one of ``lengths`` digits and a right check digit.

    ``lengths`` is a part of a regular expression. Null stays null.

    >>> valid_gs1(pa.array(["4006381333931", "4006381333932", None]), "13").to_pylist()
    [True, False, None]
    """
    shaped = pc.match_substring_regex(numbers, f"^[0-9]{{{lengths}}}$")
    filled = pc.if_else(shaped, numbers, "0" * 18)
    padded = pc.fill_null(pc.utf8_lpad(filled, 18, "0"), "0" * 18)
    letters = np.frombuffer("".join(padded.to_pylist()).encode("ascii"), np.uint8)
    digits = letters.astype(np.int64).reshape(-1, 18) - ord("0")
    right = (-(digits[:, :17] @ _WEIGHTS)) % 10 == digits[:, 17]
    return pc.and_kleene(shaped, pa.array(right))


def wrong_gs1(numbers: pa.Array, lengths: tuple[int, ...]) -> pa.Array:
    """Say where a number is there but wrong; each different number is computed once."""
    coded = numbers.dictionary_encode()
    good = [valid_gs1(coded.dictionary, str(length)) for length in lengths]
    known = good[0]
    for more in good[1:]:
        known = pc.or_kleene(known, more)
    return pc.invert(known.take(coded.indices))


class GtinCheckDigit(CommerceRule):
    """Every GTIN has 8, 12, 13 or 14 digits and a right check digit. A missing one is no fault."""

    name = "gtin_check_digit"
    levels = ("document", "lines")
    on = "lines"
    message = "{value} is no GTIN: 8, 12, 13 or 14 digits with a right check digit are wanted"

    fields: tuple[str, ...] = option("fields with GTINs", default=("gtin",), kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compute the check digit of each different number once."""
        for field in self.fields:
            yield Fault(field, wrong_gs1(rows.column(field), (8, 12, 13, 14)))


class GlnCheckDigit(CommerceRule):
    """Every GLN has 13 digits and a right check digit. A missing one is no fault."""

    name = "gln_check_digit"
    message = "{value} is no GLN: 13 digits with a right check digit are wanted"

    fields: tuple[str, ...] = option("fields with GLNs", kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compute the check digit of each different number once."""
        for field in self.fields:
            yield Fault(field, wrong_gs1(rows.column(field), (13,)))


class SsccCheckDigit(CommerceRule):
    """Every SSCC has 18 digits and a right check digit. A missing one is no fault."""

    name = "sscc_check_digit"
    levels = ("lines", "packages")
    on = "lines"
    message = "{value} is no SSCC: 18 digits with a right check digit are wanted"

    fields: tuple[str, ...] = option("fields with SSCCs", default=("sscc",), kind="fields")

    def judge(self, rows: Rows, history: History) -> Iterator[Fault]:
        """Compute the check digit of each different number once."""
        for field in self.fields:
            yield Fault(field, wrong_gs1(rows.column(field), (18,)))
