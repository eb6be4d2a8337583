"""One defect a code: the CONTRL names it, with the right segment and element, in both editions."""

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crossdock.edi import contrl, contrl_reader
from crossdock.edi.check import check_source
from crossdock.edi.contrl_codes import CODES, WORDS, code_for
from crossdock.edi.facts import load
from crossdock.edi.guide import Guides
from crossdock.edi.interchange import Message
from crossdock.edi.reader import read

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
ORDERS = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
MOMENT = datetime(2026, 9, 1, 12, tzinfo=UTC)

UCM = "UCM+1+ORDERS:D:96A:UN:EAN008+4"
LINE = b"QTY+21:120'"

DESADV = (PROJECT / "edi" / "samples" / "desadv_d96a.edi").read_bytes()
MESSAGES = ORDERS[ORDERS.index(b"UNH+1") : ORDERS.index(b"UNZ")]
NUMBER = b"BGM+220+4500012345+9'"
GROUP = b"UNG+ORDERS+S+R+260901:0930+3+UN+D:96A'"
DGS = b"LIN+1++4006381333931:EN'DGS+ADR+3.1:1+12:C'"

# what is changed of the sample, the code, what the CONTRL says of it (UCI without its addresses)
TABLE = [
    ("12", NUMBER, b"BGM+9ZZ+4500012345+9'", ["7", UCM, "UCS+2", "UCD+12+2:1"]),
    ("13", b"UNZ+2+00000000000041'\n", b"", ["4+13+UNZ"]),
    ("13", NUMBER, b"", ["7", f"{UCM}+29+UNT+2", "UCS+2+13"]),
    ("13", LINE, b"QTY+:120'", ["7", UCM, "UCS+9+13", "UCS+12", "UCD+13+2:1"]),
    ("15", LINE, b"XYZ+1'", ["7", UCM, "UCS+9+13", "UCS+12+15"]),
    ("16", LINE, b"QTY+21:120+1'", ["7", UCM, "UCS+12", "UCD+16+3"]),
    ("16", LINE, b"QTY+21:120:PCE:X'", ["7", UCM, "UCS+12", "UCD+16+2:4"]),
    ("21", b"UNB+UNOC:3", b"UNB+UNOB:3", ["4+21+UNB+2:1"]),
    ("28", b"UNT+22+1'", b"UNT+22+8'", ["7", f"{UCM}+28+UNT+3"]),
    ("28", b"UNZ+2+00000000000041'", b"UNZ+2+00000000000042'", ["4+28+UNZ+3"]),
    ("29", b"UNT+22+1'", b"UNT+21+1'", ["7", f"{UCM}+29+UNT+2"]),
    ("29", b"UNZ+2+", b"UNZ+3+", ["4+29+UNZ+2"]),
    ("30", b"UNZ+2+", GROUP + b"UNE+0+3'UNZ+3+", ["4+30"]),
    ("32", MESSAGES + b"UNZ+2+", b"UNZ+0+", ["4+32"]),
    ("33", b"UNH+2+", b"LIN+9'UNH+2+", ["4+33"]),
    ("35", NUMBER, NUMBER * 2, ["7", f"{UCM}+29+UNT+2", "UCS+3+35"]),
    ("36", b"NAD+BY", b"RFF+ON:1'" * 11 + b"NAD+BY", ["7", f"{UCM}+29+UNT+2", "UCS+15+36"]),
    ("37", LINE, b"QTY+21:many'", ["7", UCM, "UCS+12", "UCD+37+2:2"]),
    ("39", LINE, b"QTY+21:1234567890123456'", ["7", UCM, "UCS+12", "UCD+39+2:2"]),
    ("40", b"LIN+1++4006381333931:EN'", DGS, ["7", None, "UCS+15+13", "UCS+16", "UCD+40+4:1"]),
]  # fmt: skip


def said(data: bytes) -> tuple[list[str], bytes]:
    (answer,) = contrl.answers(data, GUIDES)
    assert answer.wanted
    written = contrl.write(answer, "77", MOMENT)
    assert [f for item in check_source(written, GUIDES) for f in item.findings] == []
    message = next(iter(read(written)))
    assert isinstance(message, Message)
    uci, *rest = message.segments[1:-1]
    return ["+".join(uci.split("+")[4:]), *rest], written


@pytest.mark.parametrize(("code", "old", "new", "expected"), TABLE)
def test_a_defect_has_its_code_and_place(code, old, new, expected):
    sample = ORDERS.replace(b"blue", "blåu".encode("latin-1")) if code == "21" else ORDERS
    sample = DESADV if code == "40" else sample
    assert old in sample
    found, written = said(sample.replace(old, new, 1))
    assert len(found) >= len(expected)
    for line, wanted in zip(found, expected, strict=False):
        assert wanted in (None, line), found
    assert code in {word for line in found for word in line.split("+")}
    (statement,) = contrl_reader.statements(next(iter(read(written))))
    assert statement.verdict == "refused"
    assert f"{WORDS[code]} [{code}]" in statement.words


def raised() -> set[str]:
    """Every code that the source of our checks gives to a finding."""
    folder = PROJECT / "crossdock" / "edi"
    names = ("envelope", "structure", "elements", "rules", "reader", "check", "strangers")
    found = set()
    for path in [*(folder / f"{name}.py" for name in names), PROJECT / "connectors" / "edifact.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(node, "func", None)
            name = getattr(called, "id", getattr(called, "attr", ""))
            if name in {"Finding", "wrong", "faulty"} or isinstance(node, ast.Yield):
                found |= {
                    one.value
                    for one in ast.walk(node)
                    if isinstance(one, ast.Constant) and re.fullmatch(r"\d\d?", str(one.value))
                    and isinstance(one.value, str)
                }
    return {code for code in found if len(code) == 2 or code in "27"}


def test_every_code_that_a_check_raises_is_in_the_table_and_in_both_code_lists():
    found = raised()
    elsewhere = {"7", "17", "23", "26"}  # in test_answers_round.py: who sent it, and when before
    tested = {code for code, *_ in TABLE} | elsewhere
    assert {"13", "15", "29", "37"} <= found
    assert found <= tested, found - tested
    for edition, codes in CODES.items():
        assert tested <= codes, edition
        assert codes <= WORDS.keys()
        assert codes <= load(PROJECT / "edi" / "guides", "service").codes["0085"]


@pytest.mark.parametrize("code", sorted(WORDS, key=int))
def test_a_code_that_an_edition_lacks_is_said_by_one_that_it_has(code):
    assert code_for(code, "3") in CODES["3"]
    assert code_for(code, "4") in CODES["4"]


def test_the_answer_is_in_the_senders_own_syntax():
    own = ORDERS.replace(b"UNA:+.? '", b"UNA:*.? ~").replace(b"UNOC:3", b"UNOB:1")
    own = own.replace(b"?'", b"").replace(b"+", b"*").replace(b"UNA:*", b"UNA:*", 1)
    own = own.replace(b"'\n", b"~\n").replace(b"UNA:*.? ~", b"UNA:*.? ~", 1)
    (answer,) = contrl.answers(own, GUIDES)
    written = contrl.write(answer, "5", MOMENT)
    assert written.startswith(b"UNA:*.? ~\nUNB*UNOB:1*4012345000009:14*4098765000003:14*")
    assert b"UCI*00000000000041*" in written
