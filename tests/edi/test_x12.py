"""X12 through the reader: envelopes, separators, counts, findings, answers, round trips."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from crossdock.edi.check import check_file, check_source
from crossdock.edi.commands import app
from crossdock.edi.finding import ORDER
from crossdock.edi.guide import Guides
from crossdock.edi.jsonform import from_json, to_json
from crossdock.edi.reader import read
from crossdock.edi.writer import Address
from crossdock.edi.x12 import acknowledge, writer
from crossdock.edi.x12.interchange import X12Interchange, X12Message
from crossdock.errors import CrossdockError, Refused
from tests.faults.catalogue import fault

PROJECT = Path(__file__).parents[2]
GUIDES = Guides(PROJECT / "edi" / "guides")
SAMPLES = sorted((PROJECT / "edi" / "samples").glob("x12_*.edi"))
ORDER_FILE = (PROJECT / "edi" / "samples" / "x12_850_004010.edi").read_bytes()
NOW = datetime(2026, 9, 7, 16, 0)  # noqa: DTZ001 - written as it stands


def findings(data):
    return [found for item in check_source(data, GUIDES) for found in item.findings]


def changed(old, new, data=ORDER_FILE):
    assert data.count(old) >= 1
    return data.replace(old, new)


def answered(data):
    (answer,) = acknowledge.answers(data, GUIDES)
    return acknowledge.write(answer, 9, NOW).decode().split("~\n")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_valid_and_comes_back_byte_for_byte(path):
    assert check_file(path, GUIDES).state == "valid"
    data = path.read_bytes()
    for given_data in (data, data.replace(b"\n", b""), data.replace(b"\n", b"\r\n")):
        assert from_json(json.loads("".join(to_json(given_data)))) == given_data


def test_what_the_envelope_says():
    message, interchange = list(read(ORDER_FILE))
    assert isinstance(message, X12Message)
    assert isinstance(interchange, X12Interchange)
    assert (message.type, message.directory, message.reference) == ("850", "004010", "0001")
    assert (interchange.sender, interchange.receiver) == ("0123456BUYER", "0987654SUPPLR")
    assert (interchange.reference, interchange.test, interchange.groups) == ("000000017", False, 1)


@pytest.mark.parametrize(
    ("element", "component", "terminator"),
    [(b"*", b">", b"~"), (b"|", b"^", b"\n"), (b"\x1d", b"\x1f", b"\x1c"), (b"*", b":", b"\r\n")],
)
def test_separators_stand_in_isa(element, component, terminator):
    data = ORDER_FILE.replace(b"\n", b"").replace(b"*", element).replace(b">", component)
    data = data.replace(b"~", terminator)
    assert findings(data) == []
    assert from_json(json.loads("".join(to_json(data)))) == data


def test_elements_repeat_since_00402_only():
    new = (PROJECT / "edi" / "samples" / "x12_810_005010.edi").read_bytes()
    assert next(iter(read(new))).interchange.separators.repetition == "^"
    assert next(iter(read(ORDER_FILE))).interchange.separators.repetition == ""
    repeated = changed(b"REF*BM*BOL-1", b"REF*BM*BOL-1^BOL-2", new)
    assert [found.code for found in findings(repeated)] == ["3"]


def test_several_interchanges_and_standards_in_one_file():
    edifact = (PROJECT / "edi" / "samples" / "orders_d96a.edi").read_bytes()
    data = ORDER_FILE + edifact + b"\r\n" + ORDER_FILE
    kinds = [type(item).__name__ for item in read(data)]
    assert kinds.count("X12Message") == 2
    assert kinds.count("X12Interchange") == 2
    assert kinds.count("Interchange") == 1
    assert findings(data) == []
    assert from_json(json.loads("".join(to_json(data)))) == data


@fault("E15")
@pytest.mark.parametrize(
    ("old", "new", "kind", "code"),
    [
        (b"SE*15*0001", b"SE*14*0001", "envelope", "4"),
        (b"SE*15*0001", b"SE*15*0002", "envelope", "3"),
        (b"SE*15*0001~\n", b"", "envelope", "2"),
        (b"GE*1*17", b"GE*2*17", "envelope", "5"),
        (b"GE*1*17", b"GE*1*18", "envelope", "4"),
        (b"GE*1*17~\n", b"", "envelope", "3"),
        (b"IEA*1*000000017", b"IEA*2*000000017", "envelope", "021"),
        (b"IEA*1*000000017", b"IEA*1*000000018", "envelope", "001"),
        (b"IEA*1*000000017~\n", b"", "envelope", "023"),
        (b"*P*>", b"*Q*>", "envelope", "020"),
        (b"0123456BUYER   ", b"0123456BUYER", "envelope", "006"),
        (b"ST*850*0001", b"ST*850*1", "envelope", "7"),
        (b"PID*F****Oat bar, case", b"PIX*F****Oat bar, case", "structure", "6"),
        (b"BEG*00*SA*4500012345**20260901~\n", b"", "structure", "3"),
        (b"CTT*2*144~\n", b"CTT*2*144~\nN1*ST*Late~\n", "structure", "2"),
        (b"CUR*BY*USD~\n", b"CUR*BY*USD~\nCUR*BY*EUR~\n", "structure", "5"),
        (b"*20260912", b"*20260931", "element", "8"),
        (b"DTM*002*20260912", b"DTM*002*20260912*2460", "element", "9"),
        (b"*4.95*", b"*4,95*", "element", "6"),
        (b"REF*DP*099", b"REF*D*099", "element", "4"),
        (b"REF*DP*099", b"REF*DP", "element", "2"),
        (b"N1*ST*Northgate DC 2*UL*0614141000012", b"N1*ST*Northgate*UL", "element", "2"),
        (b"4500012345", b"45000123454500012345123", "element", "5"),
        (b"CTT*2*144", b"CTT*2*144*****x*y", "element", "3"),
        (b"CUR*BY*USD", b"CUR**USD", "element", "1"),
        (b"CTT*2*144", b"CTT*3*144", "element", "7"),
        (b"PID*F****Oat bar, case", b"PID*Q****Oat bar, case", "code", "7"),
    ],
)
def test_each_defect_has_its_class_and_code(old, new, kind, code):
    found = findings(changed(old, new))
    assert (kind, code) in [(one.kind, one.code) for one in found]


@fault("E15")
def test_control_numbers_that_stand_twice():
    lines = ORDER_FILE.decode().split("~\n")
    group = lines[1:-2]
    twice = [lines[0], *group[:-1], *group[1:-1], "GE*2*17", "IEA*1*000000017", ""]
    assert [one.code for one in findings("~\n".join(twice).encode())] == ["23"]
    groups = [lines[0], *group, *group, "IEA*2*000000017", ""]
    assert [one.code for one in findings("~\n".join(groups).encode())] == ["6"]


def test_one_bad_set_never_loses_the_good_ones():
    lines = ORDER_FILE.decode().split("~\n")
    group = lines[1:-3]
    second = [line.replace("0001", "0002") for line in group[1:]]
    second[1] = "BEG*00"
    data = "~\n".join([lines[0], *group, *second, "GE*2*17", *lines[-2:]]).encode()
    good, bad, _ = list(check_source(data, GUIDES))
    assert good.findings == []
    assert {one.message for one in bad.findings} == {"0002"}
    lines = answered(data)
    assert lines[3:-4] == [
        "AK1*PO*17",
        "AK2*850*0001",
        "AK5*A",
        "AK2*850*0002",
        "AK3*BEG*2**8",
        "AK4*2*92*1",
        "AK4*3*324*1",
        "AK4*5*373*1",
        "AK5*R*5",
        "AK9*P*2*2*1",
    ]


def test_the_tree_of_a_despatch_advice():
    data = (PROJECT / "edi" / "samples" / "x12_856_004010.edi").read_bytes()
    for old, new in ((b"HL*4*3*I", b"HL*4*9*I"), (b"HL*5*3*I", b"HL*4*3*I"), (b"*3*2*T", b"*3**T")):
        (found,) = findings(changed(old, new, data))
        assert (found.kind, found.path) == ("structure", "HL/HL")


def test_the_total_of_an_invoice():
    data = (PROJECT / "edi" / "samples" / "x12_810_005010.edi").read_bytes()
    (found,) = findings(changed(b"TDS*101400", b"TDS*101300", data))
    assert (found.path, found.expected, found.actual) == ("TDS", "101400", "101300")
    charged = changed(b"TDS*101400", b"TDS*102400~\nSAC*C*D240***1000", data)
    assert findings(changed(b"SE*14", b"SE*15", charged)) == []


# -- answers ------------------------------------------------------------------------------------
def test_what_is_right_is_accepted():
    lines = answered(ORDER_FILE)
    assert lines[1] == "GS*FA*0987654SUPPLR*0123456BUYER*20260907*1600*9*X*004010"
    assert lines[3:7] == ["AK1*PO*17", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"]
    assert findings("~\n".join(lines).encode()) == []


@fault("E15")
def test_a_wrong_envelope_is_answered_with_ta1_only():
    lines = answered(changed(b"IEA*1*000000017", b"IEA*1*000000018"))
    assert lines[1] == "TA1*000000017*260907*1500*R*001"
    assert [line[:3] for line in lines] == ["ISA", "TA1", "IEA", ""]


def test_a_ta1_that_is_asked_for_stands_before_the_groups():
    lines = answered(changed(b"*0*P*>", b"*1*P*>"))
    assert lines[1] == "TA1*000000017*260907*1500*A*000"
    assert "AK9*A*1*1*1" in lines


def test_a_wrong_group_is_rejected_whole():
    assert "AK9*R*2*1*0*5" in answered(changed(b"GE*1*17", b"GE*2*17"))


def test_an_answer_is_not_answered():
    (answer,) = acknowledge.answers(ORDER_FILE, GUIDES)
    (again,) = acknowledge.answers(acknowledge.write(answer, 9, NOW), GUIDES)
    assert not again.wanted
    alone = b"".join(line + b"~" for line in ORDER_FILE.split(b"~\n")[:1])
    alone += b"TA1*000000001*260907*1500*A*000~IEA*0*000000017~"
    (interchange,) = read(alone)
    assert interchange.findings == []
    assert interchange.ta1 == [["000000001", "260907", "1500", "A", "000"]]


# -- writing ------------------------------------------------------------------------------------
def test_what_is_written_is_valid_and_separators_in_data_are_refused():
    marks = writer.USUAL
    made = writer.transaction(
        marks,
        "850",
        "0001",
        [["BEG", "00", "SA", "7", "", "20260901"], ["PO1", "1", "2", "EA", "3.5"], ["CTT", "1"]],
    )
    group = writer.group(marks, writer.Group("PO", "US", "THEM", 5), NOW, [made])
    envelope = writer.Envelope(Address("US"), Address("THEM", "01"), 5, NOW)
    assert findings(writer.interchange(envelope, [group])) == []
    with pytest.raises(Refused, match="separator"):
        writer.transaction(marks, "850", "0001", [["BEG", "00", "S*A"]])
    with pytest.raises(Refused, match="ISA06"):
        writer.interchange(writer.Envelope(Address("U" * 16), Address("T"), 5, NOW), [])


@fault("E15", "E04")
# -- whatever comes -----------------------------------------------------------------------------
def test_cut_off_at_every_byte_it_is_never_valid():
    data = ORDER_FILE.rstrip()
    for end in range(len(data)):
        try:
            found = findings(data[:end])
        except CrossdockError:
            continue
        assert any(one.kind in ORDER for one in found), end


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(ORDER_FILE) - 1),
            st.sampled_from(b"*~>\nISAGETX0\xff^ "),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_every_door_survives_mutations(edits):
    data = bytearray(ORDER_FILE)
    for at, mark, insert in edits:
        if insert:
            data.insert(min(at, len(data)), mark)
        else:
            data[at] = mark
    given_data = bytes(data)
    try:
        found = findings(given_data)
    except CrossdockError:
        return
    assert all(one.text and one.kind in ORDER for one in found)
    assert from_json(json.loads("".join(to_json(given_data)))) == given_data
    for answer in acknowledge.answers(given_data, GUIDES):
        if answer.wanted:
            acknowledge.write(answer, 1, NOW)


# -- commands and peers -------------------------------------------------------------------------
def test_the_commands_take_x12(tmp_path):
    runner = CliRunner()
    path = tmp_path / "order.edi"
    path.write_bytes(changed(b"*4.95*", b"*4,95*"))
    checked = runner.invoke(app, ["check", "--json", str(path)])
    record = json.loads(checked.output)
    assert (record["state"], checked.exit_code) == ("element", 1)
    assert record["findings"][0]["code"] == "6"
    assert "PO1" in runner.invoke(app, ["show", str(path)]).output
    answer = runner.invoke(app, ["answer", str(path), "--reference", "77"])
    assert "AK4*4*212*6*4,95~" in answer.output
    assert "ISA13" not in answer.output
    shown = runner.invoke(app, ["guide", "850"])
    assert "PO1 M 100000" in shown.output


def test_another_partner_takes_our_order_and_its_997_is_valid():
    testing = pytest.importorskip("mockedi.testing")
    with testing.Mock.start() as mock:
        data = ORDER_FILE.replace(b"0123456BUYER   ", b"ACME           ")
        data = data.replace(b"0123456BUYER", b"ACME").replace(b"*UL*", b"*9*")
        data = data.replace(b"0987654SUPPLR  ", b"MOCKEDI        ").replace(
            b"0987654SUPPLR", b"MOCKEDI"
        )
        said = mock.send(data.decode())
        assert said["transactionSets"][0]["findings"] == []
        reply = mock.document(partner="ACME", kind="acknowledgment").payload.encode()
    assert findings(reply) == []
    assert b"AK9*A*1*1*1" in reply
