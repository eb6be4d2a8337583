"""The example project's flows on the sandbox; their journals are the judges, not the hub."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crossdock.sample_data import online_retail, write_csv
from tests.crossing.running import ROOT, Hub

pytestmark = pytest.mark.timeout(300)


def _accepted(hub: Hub, system: str, entity: str) -> list[dict[str, Any]]:
    return [
        line
        for line in hub.journal(system)
        if line["kind"] == "accepted" and line["entity"] == entity
    ]


def test_a_rest_shop_into_a_soap_erp(hub: Hub) -> None:
    books = hub.run("shop_orders")
    assert books["balanced"]
    assert books["records"]["read"] > 0
    shown = {
        line["reference"] for line in hub.journal("shop") if line["kind"] == "exposed"
    }  # every order that the shop let anybody see
    assert books["records"]["read"] <= len(shown)
    booked = [line["reference"] for line in _accepted(hub, "erp", "sales_order")]
    assert len(booked) == len(set(booked)) == books["by_target"]["erp.sales_order"]["delivered"]
    again = hub.run("shop_orders", expect=(0,))
    assert again["records"]["delivered"] == 0
    assert [line["reference"] for line in _accepted(hub, "erp", "sales_order")] == booked


def test_stock_and_prices_out_of_the_erp_into_the_shop(hub: Hub) -> None:
    books = hub.run("erp_stock", expect=(0,))
    assert books["balanced"]
    for entity in ("stock", "prices"):
        put = [line["reference"] for line in hub.journal("shop") if line["entity"] == entity
               and line["kind"] == "accepted"]  # fmt: skip
        assert len(put) == books["by_target"][f"shop.{entity}"]["delivered"] > 0
    before = len(hub.journal("shop"))
    again = hub.run("erp_stock", expect=(0,))
    assert again["records"]["delivered"] == 0
    assert len([line for line in hub.journal("shop")[before:] if line["kind"] == "accepted"]) == 0


def test_a_partners_outbox_into_the_warehouse(hub: Hub) -> None:
    books = hub.run("partner_orders")
    assert books["balanced"]
    assert books["records"]["delivered"] > 0


def test_a_tills_export(hub: Hub) -> None:
    books = hub.run("till_receipts")
    assert books["balanced"]
    assert books["records"]["delivered"] > 0


def test_a_year_in_small_survives_a_kill(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "home")
    write_csv(online_retail(1_500, seed=4), tmp_path / "year.csv")
    hub.variables["ONLINE_RETAIL"] = str(tmp_path / "year.csv")
    try:
        for seconds in (2.0, 3.0, 4.0, 5.5):
            process = subprocess.Popen(
                [sys.executable, "-m", "crossdock.cli", "run", "online_retail"],
                cwd=ROOT,
                env=hub._environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        books = hub.run("online_retail")
        assert books["balanced"]
        last = hub.run("online_retail", expect=(0,))
        assert last["records"]["read"] == last["records"]["unchanged"] == 1_500
        booked = [line["reference"] for line in _accepted(hub, "erp", "sales_order")]
        assert booked
        assert len(booked) == len(set(booked))
        sent = [line["reference"] for line in _accepted(hub, "partner", "orders")]
        assert len(sent) == len(set(sent))
        (pounds,) = last["money"]
        assert Decimal(pounds["read"]) == Decimal(pounds["unchanged"])
    finally:
        hub.close()
