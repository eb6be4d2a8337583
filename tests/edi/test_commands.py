"""``crossdock edi`` as people and scripts call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crossdock.edi.commands import app

PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "edi" / "samples"
ORDERS = SAMPLES / "orders_d96a.edi"


@pytest.fixture(autouse=True)
def project(monkeypatch):
    monkeypatch.setenv("CROSSDOCK_PROJECT", str(PROJECT))


def run(*words: object, status: int = 0, given: bytes | None = None) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], input=given)
    assert result.exit_code == status, result.output
    return result.output


def test_check_prints_one_json_line_a_file(tmp_path):
    (tmp_path / "bad.edi").write_bytes(ORDERS.read_bytes().replace(b"UNS+S'\n", b"", 1))
    lines = run("check", "--json", SAMPLES, tmp_path, status=1).splitlines()
    states = {Path(record["file"]).name: record for record in map(json.loads, lines)}
    assert states["orders_d96a.edi"]["state"] == "valid"
    bad = states["bad.edi"]
    assert bad["state"] == "envelope"
    first = bad["findings"][0]
    assert set(first) >= {"class", "message", "segment", "path", "element", "code", "text"}
    assert {finding["class"] for finding in bad["findings"]} == {"envelope", "structure"}


def test_check_speaks_to_people():
    text = run("check", ORDERS)
    assert text.endswith("orders_d96a.edi: valid, 2 messages\n")


def test_show_draws_the_tree(tmp_path):
    bad = tmp_path / "bad.edi"
    bad.write_bytes(ORDERS.read_bytes().replace(b"QTY+21:120'", b"QTY+21:many'"))
    text = run("show", bad)
    assert "interchange 00000000000041 from 4098765000003 to 4012345000009" in text
    assert "\n     14     PRI  AAA : 0.75\n" in text
    assert "! element [37] 1 segment 12 SG25/QTY C186/6060" in text


def test_json_and_back():
    text = run("to-json", ORDERS)
    assert run("from-json", "-", given=text.encode()) == ORDERS.read_text()


def test_answer_counts_its_references(tmp_path):
    counter = tmp_path / "references.tsv"
    first = run("answer", ORDERS, "--references", counter)
    assert "UNB+UNOC:3+4012345000009:14+4098765000003:14+" in first
    assert "UNZ+1+1'" in first
    assert "UNZ+1+1'" in run("answer", ORDERS, "--references", counter)


def test_guides_are_listed_and_printed():
    assert "ORDERS D.96A" in run("guide")
    text = run("guide", "ORDERS", "D.96A", "EAN008")
    assert "    SG28 C 25\n" in text
    assert "rule" in text


def test_a_partner_can_be_named():
    assert "valid" in run("check", ORDERS, "--partner", "demo_retailer")
