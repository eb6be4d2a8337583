"""From a first run to empty quarantine, by commands only."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests import tiny
from tests.cli.conftest import Run


def test_run_hold_release_run(crossdock: Run, ask: Callable[..., Any], project: Path) -> None:
    first = crossdock("run", "orders", "--workers", "1")
    assert first.returncode == 3, first.stderr
    assert "balanced" in first.stdout
    assert tiny.delivered(project) == ["1001", "1003"]

    books = ask("ledger", "orders")
    assert books["balanced"] is True
    assert books["records"] | {"read": 3, "delivered": 2, "quarantined": 1} == books["records"]

    [hold] = ask("quarantine", "list", "--flow", "orders")
    assert hold["rule"] == "total_adds_up"
    number = str(hold["id"])
    shown = crossdock("quarantine", "show", number)
    assert "do not add up" in shown.stdout
    assert f"crossdock quarantine release {number} --reason" in shown.stdout

    released = crossdock("quarantine", "release", number, "--reason", "a discount by hand")
    assert released.returncode == 0, released.stderr
    assert "crossdock run orders" in released.stdout

    second = crossdock("run", "orders", "--workers", "1")
    assert second.returncode == 0, second.stdout + second.stderr
    assert tiny.delivered(project) == ["1001", "1002", "1003"]
    assert ask("quarantine", "list") == []


def test_a_filter_rejects_all_that_it_finds(crossdock: Run, ask: Callable[..., Any]) -> None:
    crossdock("run", "orders", "--workers", "1")
    done = crossdock(
        "quarantine", "reject", "--rule", "total_adds_up", "--reason", "test orders", "--as", "vera"
    )
    assert done.returncode == 0, done.stderr
    books = ask("ledger", "orders")
    assert books["records"]["rejected"] == 1
    assert books["records"]["quarantined"] == 0
    assert any("vera" in reason for reason in books["reasons"])


def test_a_second_run_finds_nothing_new(crossdock: Run, ask: Callable[..., Any]) -> None:
    crossdock("run", "orders", "--workers", "1")
    books = ask("run", "orders", "--workers", "1")
    assert books["balanced"] is True
    assert books["records"]["delivered"] == 0
    assert books["records"]["read"] == books["records"]["unchanged"] == 3


def test_the_report_is_one_file(crossdock: Run, project: Path) -> None:
    crossdock("run", "orders", "--workers", "1")
    page = project / "report.html"
    done = crossdock("report", "--html", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "total_adds_up" in text
    assert "https://" not in text.split("<body", 1)[-1]


def test_a_stream_with_a_cursor_may_bring_little(crossdock: Run, project: Path) -> None:
    orders = [(str(number), *tiny.GOOD[1:]) for number in range(2001, 2041)]
    shutil.rmtree(project)
    tiny.project(project, orders)
    shop = project / "config/systems/shop.yaml"
    text = shop.read_text(encoding="utf-8")
    shop.write_text(text.replace("    key: [number]", "    key: [number]\n    cursor: number"))
    assert crossdock("run", "orders", "--workers", "1").returncode == 0
    with closing(sqlite3.connect(project / "shop.db")) as database, database:
        database.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", ("2041", *tiny.GOOD[1:]))
        database.executemany(
            "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)",
            [("2041", *line) for line in tiny.LINES],
        )
    done = crossdock("run", "orders", "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2041" in tiny.delivered(project)
