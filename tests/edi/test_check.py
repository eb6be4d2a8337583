"""Guides as data and the check engine: what is wrong is found, where it is, and nothing else."""

from pathlib import Path

import pytest

from crossdock.edi.check import Verdict, check_file, check_source
from crossdock.edi.guide import Guides
from crossdock.edi.structure import Structure, numbered, parse
from crossdock.errors import Misconfigured

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "edi" / "samples"
GUIDES = Guides(PROJECT / "edi" / "guides")
ORDERS = (SAMPLES / "orders_d96a.edi").read_bytes()
INVOIC = (SAMPLES / "invoic_d96a.edi").read_bytes()
MESSAGES = (
    *("ORDERS", "ORDRSP", "ORDCHG", "DESADV", "RECADV", "INVOIC", "PRICAT", "INVRPT"),
    *("SLSRPT", "REMADV", "CONTRL", "APERAK"),
)


def findings(data: bytes, guides: Guides = GUIDES) -> list[tuple]:
    return [
        (f.kind, f.code, f.segment, f.path, f.element)
        for item in check_source(data, guides)
        for f in item.findings
    ]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.edi")), ids=lambda path: path.name)
def test_every_sample_is_valid(path):
    verdict = check_file(path, GUIDES)
    assert (verdict.state, verdict.findings, verdict.doubts) == ("valid", [], [])


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("directory", ["D.96A", "D.01B"])
def test_every_promised_guide_is_there(message, directory):
    guide = GUIDES.find(message, directory)
    assert guide is not None
    missing = {n.tag for n in guide.structure.nodes[1:]} - set(guide.facts.segments)
    assert not missing


DEFECTS = [
    # structure
    (b"DTM+137:20260901:102'\nDTM+2:20260908:102'\n", b"", ("structure", "13", 3, "DTM", "")),
    (b"UNS+S'\n", b"", ("structure", "13", 20, "UNS", "")),
    (b"CUX+2:EUR:9'\nLIN+1", b"CUX+2:EUR:9'\nXYZ+1'\nLIN+1", ("structure", "15", 9, "SG7/XYZ", "")),
    (
        b"PRI+AAA:0.75'\nLIN+2",
        b"PRI+AAA:0.75'\nPAI+1'\nLIN+2",
        ("structure", "15", 15, "SG25/SG28/PAI", ""),
    ),
    (
        b"CUX+2:EUR:9'\nLIN+1",
        b"CUX+2:EUR:9'\n" * 6 + b"LIN+1",
        ("structure", "36", 13, "SG7/CUX", ""),
    ),
    # elements
    (
        b"BGM+220+4500012345+9'",
        b"BGM+220+" + b"4" * 36 + b"+9'",
        ("element", "39", 2, "BGM", "1004"),
    ),
    (b"QTY+21:120'", b"QTY+21:1x0'", ("element", "37", 12, "SG25/QTY", "C186/6060")),
    (b"QTY+21:120'", b"QTY+:120'", ("element", "13", 12, "SG25/QTY", "C186/6063")),
    (b"QTY+21:120'", b"QTY'", ("element", "13", 12, "SG25/QTY", "C186")),
    (b"QTY+21:120'", b"QTY+21:120:PCE:9'", ("element", "16", 12, "SG25/QTY", "C186")),
    (b"CNT+2:2'", b"CNT+2:2+9'", ("element", "16", 21, "CNT", "")),
    # codes
    (b"BGM+220+4500012345+9'", b"BGM+220+4500012345+QQ'", ("code", "12", 2, "BGM", "1225")),
    (b"QTY+21:120'", b"QTY+Q21:120'", ("code", "12", 12, "SG25/QTY", "C186/6063")),
    # rules
    (b"CNT+2:2'", b"CNT+2:3'", ("element", "12", 21, "CNT", "")),
    (b"DTM+137:20260901:102'", b"DTM+64:20260901:102'", ("structure", "13", 22, "DTM", "")),
]


@pytest.mark.parametrize(("old", "new", "expected"), DEFECTS)
def test_a_defect_is_found_at_its_place(old, new, expected):
    found = findings(ORDERS.replace(old, new, 1))
    assert expected in found
    # a wrong qualifier also leaves a rule of the edition without what it asks for
    allowed = {expected, ("structure", "13", 20, "DTM", ""), ("structure", "13", 9, "SG25/QTY", "")}
    assert [one for one in found if one not in allowed and one[0] != "envelope"] == []


def test_findings_are_sentences_with_expected_and_actual():
    data = ORDERS.replace(b"QTY+21:120'", b"QTY+21:1x0'")
    (finding,) = [f for item in check_source(data, GUIDES) for f in item.findings]
    assert finding.text == "QTY.C186/6060 '1x0' is no number"
    assert (finding.expected, finding.actual, finding.at) == ("a number", "1x0", "1:2")
    assert finding.message == "1"
    record = finding.record()
    assert list(record)[:7] == ["class", "message", "segment", "path", "element", "code", "text"]


def test_a_value_with_release_characters_is_measured_without_them():
    assert findings(ORDERS.replace(b"+4500012345+", b"+" + b"?+" * 35 + b"+", 1)) == []
    assert findings(ORDERS.replace(b"+4500012345+", b"+" + b"?+" * 36 + b"+", 1))[0][:2] == (
        "element",
        "39",
    )


def test_codes_of_another_agency_are_not_ours_to_judge():
    data = ORDERS.replace(b"BGM+220+4500012345", b"BGM+Q7::9+4500012345")
    assert findings(data) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"MOA+79:151.25'", b"MOA+79:151.52'", "SG48/MOA+79 is 151.52, the sum of"),
        (b"MOA+124:17.10'", b"MOA+124:17.01'", "is 17.01, but 19 % of 90.00 is 17.10"),
        (b"CNT+2:2'", b"CNT+2:1'", "CNT+2 says 1, there are 2 lines"),
    ],
)
def test_an_invoice_adds_up(old, new, words):
    items = check_source(INVOIC.replace(old, new), GUIDES)
    texts = [f.text for item in items for f in item.findings]
    assert len(texts) == 1
    assert words in texts[0]


def test_allowances_leave_the_sum_to_strict_checks():
    data = INVOIC.replace(b"CUX+2:EUR:4'\n", b"CUX+2:EUR:4'\nALC+A++++DI'\nMOA+8:5'\n")
    data = data.replace(b"UNT+30", b"UNT+32").replace(b"MOA+79:151.25'", b"MOA+79:146.25'")
    assert findings(data) == []
    assert findings(data, Guides(GUIDES.folder, strict=True))[0][:2] == ("element", "12")


def test_strict_asks_for_dates_that_exist():
    data = ORDERS.replace(b"DTM+2:20260908:102'", b"DTM+2:20260231:102'")
    assert findings(data) == []
    strict = Guides(GUIDES.folder, strict=True)
    assert findings(data, strict) == [("element", "12", 4, "DTM", "C507/2380")]


def test_a_message_without_guide_is_unchecked(tmp_path):
    path = tmp_path / "x.edi"
    path.write_bytes(ORDERS.replace(b"ORDERS:D:96A", b"ORDERS:D:12A"))
    verdict = check_file(path, GUIDES)
    assert verdict.state == "unchecked"
    assert verdict.unchecked == ["ORDERS D.12A"] * 2


def test_a_partner_states_differences_only():
    partner = {
        "ORDERS": {
            "changes": ["PAI N", "SG25/SG28 R 25"],
            "codes": {"1225": "only 9"},
            "rules": [{"values": {"at": "SG2/NAD", "of": "BY SU"}}, {"present": "SG2/NAD+IV"}],
        }
    }
    guides = Guides(GUIDES.folder, partner)
    data = ORDERS.replace(b"BGM+220+4500012346+9'", b"BGM+220+4500012346+5'")
    assert findings(data, guides) == [
        ("code", "12", 7, "SG2/NAD", ""),
        ("structure", "13", 22, "SG2/NAD", ""),
        ("code", "12", 2, "BGM", "1225"),
        ("structure", "13", 13, "SG2/NAD", ""),
    ]


def test_each_group_has_what_a_rule_asks_for():
    assert findings(ORDERS.replace(b"QTY+21:24.5:KGM'", b"QTY+59:24.5:KGM'")) == [
        ("structure", "13", 15, "SG25/QTY", "")
    ]
    rule = {"each": {"of": "SG2/NAD+SU", "has": "SG2/SG3/RFF+VA"}}
    guides = Guides(GUIDES.folder, {"ORDERS": {"rules": [rule]}})
    assert ("structure", "13", 6, "SG2/SG3/RFF", "") in findings(ORDERS, guides)
    good = ORDERS.replace(b"NAD+SU+4012345000009::9'", b"NAD+SU+4012345000009::9'\nRFF+VA:DE1'")
    assert [one for one in findings(good, guides) if one[0] == "structure"] == []


def test_a_wrong_difference_is_said_with_its_place():
    guides = Guides(GUIDES.folder, {"ORDERS": {"changes": ["SG2/QQQ R 1"]}})
    with pytest.raises(Misconfigured, match=r"ORDERS\.yaml"):
        findings(ORDERS, guides)


def test_the_same_tag_in_a_later_group_is_found():
    root = parse("A00 M 1\nSG1 C 2\n  B00 M 1\n  C00 C 1\nSG2 C 2\n  B00 M 1\n  D00 M 1\nZ00 M 1")
    structure = Structure(root)
    names = [node.path for node in numbered(root)[1:]]
    assert names == ["A00", "SG1", "SG1/B00", "SG1/C00", "SG2", "SG2/B00", "SG2/D00", "Z00"]
    assert structure.allowed(4) == ["B00", "Z00"]


def test_a_folder_of_rubbish_gives_verdicts_only(tmp_path):
    for number, data in enumerate([b"", b"\0", b"UNA", b"UNB+", ORDERS[:99], b"<xml/>"]):
        path = tmp_path / f"{number}"
        path.write_bytes(data)
        verdict = check_file(path, GUIDES)
        assert isinstance(verdict, Verdict)
        assert verdict.state in {"syntax", "envelope"}
    assert check_file(tmp_path / "not there", GUIDES).state == "syntax"
