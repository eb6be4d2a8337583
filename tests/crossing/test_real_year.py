"""The real year of a shop crosses the whole house; its books are those that the docs print."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.crossing.running import ROOT, Hub

PAGE = ROOT / "docs" / "reference" / "online_retail.md"

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("ONLINE_RETAIL", "").endswith(".parquet"),
        reason="ONLINE_RETAIL does not name the file (see README.md: the real file)",
    ),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def first(hub: Hub) -> dict[str, Any]:
    return hub.run("online_retail", ONLINE_RETAIL=os.environ["ONLINE_RETAIL"])


def _documented() -> dict[str, Any]:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the page shows no books"
    page: dict[str, Any] = json.loads(found[1])
    return page


def test_the_books_are_those_that_the_docs_print(first: dict[str, Any]) -> None:
    shown = {name: value for name, value in first.items() if name != "run"}
    assert shown == _documented()


def test_the_money_adds_up_to_the_last_digit(first: dict[str, Any]) -> None:
    (pounds,) = first["money"]
    assert pounds["read"] == "9747747.934"
    parts = ("delivered", "quarantined", "rejected", "pending", "unchanged", "adjusted")
    assert sum(Decimal(pounds[name]) for name in parts) == Decimal("9747747.934")


def test_the_warehouse_has_what_the_ledger_says(first: dict[str, Any], hub: Hub) -> None:
    with sqlite3.connect(hub.home / "warehouse.db") as database:
        for entity in ("sales_order", "invoice", "party", "product"):
            (count,) = database.execute(f"SELECT count(*) FROM {entity}").fetchone()  # noqa: S608
            assert count == first["by_target"][f"warehouse.{entity}"]["delivered"]


def test_the_erp_and_the_partner_have_what_the_ledger_says(
    first: dict[str, Any], hub: Hub
) -> None:
    booked = [line for line in hub.journal("erp") if line["kind"] == "accepted"]
    orders = [line["reference"] for line in booked if line["entity"] == "sales_order"]
    assert len(orders) == len(set(orders)) == first["by_target"]["erp.sales_order"]["delivered"]
    files = list((hub.home / "sandbox" / "partner" / "in").iterdir())
    assert len(files) == first["by_target"]["partner.orders_out"]["delivered"]


def _rows(hub: Hub) -> dict[str, Any]:
    """Everything outside the bookkeeping of runs."""
    found: dict[str, Any] = {"erp": len(hub.journal("erp")), "partner": len(hub.journal("partner"))}
    for file, tables in {
        "warehouse.db": ("sales_order", "sales_order_line", "invoice", "party", "product"),
        "hub.db": ("record_version", "document_version", "outbox", "ledger", "hold", "binding"),
    }.items():
        with sqlite3.connect(hub.home / file) as database:
            for table in tables:
                rows = database.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
                found[f"{file} {table}"] = hash(frozenset(rows)), len(rows)
    return found


def test_the_same_bytes_again_write_nothing(first: dict[str, Any], hub: Hub) -> None:
    before = _rows(hub)
    again = hub.run("online_retail", expect=(0,))
    assert again["balanced"]
    assert again["records"]["read"] == again["records"]["unchanged"] == 25_900
    assert _rows(hub) == before


def test_the_same_year_shuffled_writes_nothing(
    first: dict[str, Any], hub: Hub, tmp_path: Path
) -> None:
    frame = pq.read_table(os.environ["ONLINE_RETAIL"]).to_pandas().sample(frac=1, random_state=7)
    frame.to_parquet(tmp_path / "shuffled.parquet", index=False)
    before = _rows(hub)
    again = hub.run("online_retail", expect=(0,), ONLINE_RETAIL=tmp_path / "shuffled.parquet")
    assert again["balanced"]
    assert again["records"]["unchanged"] == 25_900
    assert again["money"][0]["unchanged"] == "9747747.934"
    assert _rows(hub) == before


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The year with one more piece in the first line of one sale in a hundred."""
    path = tmp_path_factory.mktemp("changed") / "changed.parquet"
    frame = pq.read_table(os.environ["ONLINE_RETAIL"]).to_pandas()
    sales = frame[frame["InvoiceNo"].str.match(r"^\d") & (frame["Quantity"] > 0)]
    chosen = sales["InvoiceNo"].drop_duplicates().sample(259, random_state=11)
    rows = sales[sales["InvoiceNo"].isin(chosen)].groupby("InvoiceNo").head(1).index
    frame.loc[rows, "Quantity"] += 1
    frame.to_parquet(path, index=False)
    return path


def test_what_changed_is_written_once(first: dict[str, Any], hub: Hub, changed: Path) -> None:
    books = hub.run("online_retail", ONLINE_RETAIL=changed)
    assert books["balanced"]
    assert books["records"]["read"] == 25_900
    assert books["records"]["unchanged"] == 25_900 - 259
    news = books["by_target"]["warehouse.sales_order"]
    assert news["read"] - news["unchanged"] == 259
    with sqlite3.connect(hub.home / "hub.db") as database:
        (versions,) = database.execute(
            "SELECT count(*) FROM record_version WHERE run_id = ?", (books["run"],)
        ).fetchone()
    assert versions == 259


def test_the_same_year_as_csv_is_sent_to_nobody_again(
    first: dict[str, Any], hub: Hub, changed: Path, tmp_path: Path
) -> None:
    frame = pq.read_table(changed).to_pandas()
    frame["CustomerID"] = frame["CustomerID"].astype("Int64")
    frame["Quantity"] = frame["Quantity"].astype("int64")
    frame.to_csv(tmp_path / "year.csv", index=False)  # whole prices come out as 18.0, not as 18
    before = {name: rows for name, rows in _rows(hub).items() if not name.startswith("hub.db")}
    again = hub.run("online_retail", ONLINE_RETAIL=tmp_path / "year.csv")
    after = {name: rows for name, rows in _rows(hub).items() if not name.startswith("hub.db")}
    assert again["balanced"]
    assert again["records"]["read"] == 25_900
    assert after == before
