"""Nothing that somebody typed becomes a formula in a file that a person opens."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from typer.testing import CliRunner

from crossdock import audit, export
from crossdock.cli import app
from crossdock.errors import Misconfigured
from crossdock.home import Home
from crossdock.store import engine, open_store, schema
from tests import tiny

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\ufeff=")
NUMBERS = tuple(f"{start}cmd|'/C calc'!A{n}" for n, start in enumerate(STARTS))


@pytest.fixture(params=["mapped", pytest.param("checked", marks=pytest.mark.slow)])
def held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A run whose every order is held, under a number that begins like a formula."""
    total = "99.00" if request.param == "checked" else "=five"
    orders = [(n, "2026-03-01 09:30:00", "EUR", None, total) for n in NUMBERS]
    folder = tiny.project(tmp_path / "project", orders)
    if request.param == "mapped":  # without suites, and so without Great Expectations
        path = folder / "config/flows/orders.yaml"
        text = path.read_text("utf-8").replace("    check: {sales_order: [tiny]}\n", "")
        path.write_text(text, encoding="utf-8")
    for name, value in tiny.variables(folder).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["run", "orders", "--workers", "0"])
    assert done.exit_code == 3, done.output
    yield str(request.param)
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()


def test_the_quarantine_and_the_report_as_files(held: str, tmp_path: Path) -> None:
    for words in (["quarantine", "list", "--as", "vera"], ["report"]):
        table, book = tmp_path / f"{words[0]}.csv", tmp_path / f"{words[0]}.xlsx"
        done = CliRunner().invoke(app, [*words, "--csv", str(table), "--xlsx", str(book)])
        assert done.exit_code == 0, done.output
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) > 5 or (words == ["report"] and held == "mapped")
        for row in rows:
            for cell in row:
                assert not cell.strip(" \ufeff").startswith(tuple("=+-@\t\r\n＝＋－＠")), cell
        assert any("cmd|" in cell for row in rows for cell in row) or len(rows) == 1
        for line in load_workbook(book).active.iter_rows():  # type: ignore[union-attr]
            for cell in line:
                assert cell.data_type in {"s", "n", "inlineStr"}, cell.value
        assert stat.S_IMODE(table.stat().st_mode) == stat.S_IMODE(book.stat().st_mode) == 0o600
    store = open_store(Home.find())
    with store.reading() as connection:
        acts = connection.execute(schema.audit.select()).mappings().all()
    assert [(act["who"], act["action"]) for act in acts] == [("vera", "quarantine.export")] * 2
    assert audit.broken_at(store) is None


@given(st.text(max_size=12))
def test_no_text_begins_like_a_formula(text: str) -> None:
    shown = str(export.safe(text))
    assert shown.lstrip(" \u00a0\ufeff\u200b")[:1] not in set("=+-@\t\r\n\0＝＋－＠")
    assert shown.lstrip("'").replace("\ufffd", "") in text or "\ufffd" in shown


def test_numbers_stay_numbers_and_other_endings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    export.write(path, ["amount"], [{"amount": Decimal("-12.50")}, {"amount": None}])
    sheet = load_workbook(path).active
    assert sheet is not None
    assert [str(cell.value) for cell in sheet["A"]] == ["amount", "-12.5", "None"]
    with pytest.raises(Misconfigured, match=r"no \.csv"):
        export.write(tmp_path / "rows.html", ["a"], [])
