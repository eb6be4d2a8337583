"""The sample lines have every kind of dirt of the real file, at its rates."""

from __future__ import annotations

import doctest
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossdock import sample_data, sample_shop, sample_words
from crossdock.errors import Misconfigured
from crossdock.sample_data import online_retail, write_csv


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    made = online_retail(3_000, seed=3).to_pandas()
    made["quantity"] = made["Quantity"].astype(int)
    made["price"] = made["UnitPrice"].map(Decimal)
    return made


def test_columns_are_those_of_the_real_file_and_all_text() -> None:
    table = online_retail(100, seed=1)
    assert table.column_names == [
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    ]
    assert {str(field.type) for field in table.schema} == {"string"}


def test_the_same_seed_gives_the_same_table_and_another_one_does_not() -> None:
    assert online_retail(150, seed=7).equals(online_retail(150, seed=7))
    assert not online_retail(150, seed=7).equals(online_retail(150, seed=8))


@pytest.mark.parametrize(
    ("rule", "low", "high"),
    [
        ("frame.iloc[:, :8].duplicated()", 0.008, 0.012),
        ("frame.price <= 0", 0.003, 0.008),
        ("frame.quantity <= 0", 0.015, 0.03),
        ("frame.Description.isna()", 0.0015, 0.005),
        ("frame.CustomerID.isna()", 0.15, 0.35),
    ],
)
def test_rates_of_dirt(frame: pd.DataFrame, rule: str, low: float, high: float) -> None:
    found: Any = {
        "frame.iloc[:, :8].duplicated()": frame.iloc[:, :8].duplicated(),
        "frame.price <= 0": frame["price"] <= 0,
        "frame.quantity <= 0": frame["quantity"] <= 0,
        "frame.Description.isna()": frame["Description"].isna(),
        "frame.CustomerID.isna()": frame["CustomerID"].isna(),
    }[rule]
    assert low < found.mean() < high


@pytest.mark.parametrize("orders", [100, 101, 400])
@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_dirt_is_there_however_few_the_orders(orders: int, seed: int) -> None:
    frame = online_retail(orders, seed).to_pandas()
    number, quantity = frame["InvoiceNo"], frame["Quantity"].astype(int)
    assert number.nunique() == orders
    codes = "POST DOT M C2 D S m PADS AMAZONFEE CRUK gift_0001_20 B".split()  # noqa: SIM905
    assert {*codes, "BANK CHARGES"} <= set(frame["StockCode"])
    assert set(sample_words.SPECIAL_COUNTRIES) <= set(frame["Country"])
    assert (quantity[number.str.startswith("C")] < 0).all()
    write_offs = frame[(quantity < 0) & number.str.match(r"^\d")]
    assert len(write_offs) > 0
    assert (write_offs["UnitPrice"] == "0").all()
    assert write_offs["CustomerID"].isna().all()
    debts = frame[number.str.startswith("A")]
    assert debts["UnitPrice"].tolist() == ["11062.06", "-11062.06", "-11062.06"]
    assert set(frame.loc[frame["StockCode"] == "PADS", "UnitPrice"]) == {"0.001"}
    assert (frame.groupby("InvoiceNo")["InvoiceDate"].nunique() == 2).sum() >= 1
    known = frame.dropna(subset=["CustomerID"])
    assert (known.groupby("CustomerID")["Country"].nunique() == 2).sum() >= 1
    assert (frame.groupby("InvoiceNo")["CustomerID"].nunique() <= 1).all()
    runs = number[number != number.shift()].value_counts()
    assert (runs > 1).sum() == 1
    assert frame["Description"].isna().sum() >= 1
    assert frame.duplicated().sum() >= 1
    assert {"80995", "-80995"} <= set(frame["Quantity"])


def test_times_are_text_in_opening_hours(frame: pd.DataFrame) -> None:
    assert frame["InvoiceDate"].iloc[0] == "2010-12-01 08:26:00"
    moments = pd.to_datetime(frame["InvoiceDate"], format="%Y-%m-%d %H:%M:%S")
    assert (moments.dt.day_of_week != 5).all()
    assert moments.max() < pd.Timestamp("2011-12-10")


def test_the_number_of_lines_can_be_asked_for() -> None:
    assert online_retail(500, 1, lines=20_000).num_rows == 20_000
    assert online_retail(500, 1, lines=5_000).num_rows == 5_000
    with pytest.raises(Misconfigured, match="too few"):
        online_retail(500, 1, lines=600)
    with pytest.raises(Misconfigured, match="at least 100"):
        online_retail(99)


def test_the_size_of_the_real_file_takes_seconds() -> None:
    begin = time.process_time()
    table = online_retail(25_900, 1, lines=541_909)
    assert table.num_rows == 541_909
    assert time.process_time() - begin < 10


def test_csv_comes_back_letter_by_letter(tmp_path: Path) -> None:
    table = online_retail(300, 2)
    write_csv(table, tmp_path / "sales.csv")
    text = (tmp_path / "sales.csv").read_text(encoding="utf-8")
    assert text.startswith('"InvoiceNo","StockCode","Description",')
    back = pd.read_csv(tmp_path / "sales.csv", dtype=str, keep_default_na=False)
    wanted = table.to_pandas().fillna("")
    assert back.to_numpy().tolist() == wanted.to_numpy().tolist()


@pytest.mark.parametrize("module", [sample_data, sample_words, sample_shop])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
