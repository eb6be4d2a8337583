"""What people see: figures whole, words plain, nothing where nothing is to say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.commands import screen
from crossdock.demo import _steps_so_far

PAGE = {
    "flow": "orders",
    "run": "orders-1",
    "balanced": True,
    "records": {"read": 541909, "delivered": 541000, "quarantined": 909, "rejected": 0,
                "pending": 0, "unchanged": 0},
    "money": [{"currency": "GBP", "read": "9747747.934", "delivered": "9700000",
               "quarantined": "47747.934", "rejected": "0", "pending": "0", "unchanged": "0",
               "adjusted": "0"}],
    "by_target": {"erp.sales_order": {"read": 541909, "delivered": 541000, "quarantined": 909}},
    "by_entity": {},
    "reasons": {"check: total_adds_up": 909},
    "findings": {"total_adds_up": {"severity": "hold_record", "records": 909, "lines": 2000}},
}  # fmt: skip


def test_books_show_whole_figures_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen.books(PAGE)
    shown = capsys.readouterr().out
    assert "9,747,747.934" in shown
    assert "47,747.934" in shown
    assert "541,909" in shown
    assert "…" not in shown
    assert "balanced" in shown


def test_unbalanced_books_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    screen.books({**PAGE, "balanced": False})
    assert "NOT BALANCED" in capsys.readouterr().out


def test_words_of_others_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    screen.table(["why"], [["[red]not[/red] a colour"]])
    screen.say("[bold]plain[/bold]")
    shown = capsys.readouterr().out
    assert "[red]not[/red] a colour" in shown
    assert "[bold]plain[/bold]" in shown


def test_json_keeps_amounts_exact(capsys: pytest.CaptureFixture[str]) -> None:
    screen.as_json({"amount": Decimal("1.10")})
    assert '"1.10"' in capsys.readouterr().out
    with pytest.raises(TypeError):
        screen.as_json({"what": object()})


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.progress() as step:
        step("map", 1, 3)
    assert capsys.readouterr() == ("", "")


def test_steps_of_the_demo() -> None:
    tasks = {"pull": "success", "map[0]": "success", "map[1]": "running", "books": "waiting"}
    assert _steps_so_far(tasks) == "pull 1/1  map 1/2"
