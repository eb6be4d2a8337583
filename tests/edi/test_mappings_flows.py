"""The example flows of trade by EDI with the partners' folders on this machine."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crossdock import sample_edi, sample_till
from crossdock.edi.check import check_file
from crossdock.edi.guide import Guides
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.store import engine
from tests.edi.office import ROOT, Office

GUIDES = Guides(ROOT / "edi" / "guides")
PARTNER = """\
connector: edifact
settings: {partner: demo_retailer, folder: "${CROSSDOCK_STATE}/sandbox/partner"}
"""


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory, blank_books: Path) -> Iterator[Office]:
    """This very project, but for the partner behind SFTP, with sample files in all folders."""
    folder = tmp_path_factory.mktemp("trade")
    project, state = folder / "project", folder / "home"
    for name in ("mappings", "validation", "edi"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).symlink_to(ROOT / name)
    (project / "config" / "flows").mkdir(parents=True)
    for path in (ROOT / "config" / "flows").glob("*.yaml"):
        # no ERP here; and suites have examples of their own, and cost seconds to begin
        kept = [
            line
            for line in path.read_text().splitlines(keepends=True)
            if "to: erp." not in line and not line.startswith("    check:")
        ]
        (project / "config" / "flows" / path.name).write_text("".join(kept))
    systems = project / "config" / "systems"
    systems.mkdir()
    for name in ("supplier", "depot", "warehouse"):
        text = (ROOT / "config" / "systems" / f"{name}.yaml").read_text()
        (systems / f"{name}.yaml").write_text(text.replace("sandbox: true\n", ""))
    (systems / "partner.yaml").write_text(PARTNER)
    for place, files in (
        ("partner/out", sample_edi.retailer_files() | {"o.edi": sample_till.partner_orders()}),
        ("supplier/out", sample_edi.supplier_files()),
        ("depot", sample_edi.depot_files()),
    ):
        (state / "sandbox" / place).mkdir(parents=True)
        for name, data in files.items():
            (state / "sandbox" / place / name).write_bytes(data)
    shutil.copyfile(blank_books, state / "hub.db")
    home = Home(project, state, f"sqlite:///{state / 'hub.db'}", f"file://{state / 'objects'}")
    home.make_key()
    before = list(sys.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSDOCK_PROJECT", str(project))
        patch.setenv("CROSSDOCK_HOME", str(state))
        yield Office(folder, home)
    sys.path[:] = before
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()


def run(trade: Office, flow: str) -> Books:
    books = trade.run(flow)
    assert books.balanced
    assert books.exit_status == 0
    return books


def sent(trade: Office, partner: str) -> dict[str, Path]:
    """Files that lie with a partner, by message; each is one that its guide takes."""
    folder = trade.home.state / "sandbox" / partner / "in"
    found = {path.name.partition("_")[0]: path for path in sorted(folder.iterdir())}
    for path in found.values():
        assert check_file(path, GUIDES).state == "valid"
    return found


def row(trade: Office, query: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(trade.home.state / "warehouse.db")) as database:
        found: tuple[Any, ...] = database.execute(query).fetchone()
        return found


def test_what_the_depot_did_goes_to_the_partners(trade):
    assert trade.run("partner_orders").balanced  # what is sent must fit an order that is known
    run(trade, "partner_order_responses")
    run(trade, "partner_despatch_advices")
    run(trade, "partner_invoices")
    run(trade, "supplier_orders")
    out = sent(trade, "partner")
    assert {"ORDRSP", "DESADV", "INVOIC"} <= set(out)
    assert b"GIN+BJ+401234500000000012'" in out["DESADV"].read_bytes()
    assert b"PIA+1+LA-1:IN'" in sent(trade, "supplier")["ORDERS"].read_bytes()
    purchases = trade.home.state / "sandbox" / "depot" / "purchases.ndjson"
    text = purchases.read_text().replace('"quantity": "48"', '"quantity": "24"')
    purchases.write_text(text.replace("100.8", "50.4"))
    run(trade, "supplier_orders")
    change = sent(trade, "supplier")["ORDCHG"].read_bytes()
    assert b"BGM+230+P-7001-" in change
    assert b"QTY+21:24'" in change


def test_what_partners_tell_us_goes_to_the_warehouse(trade):
    run(trade, "partner_reports")
    run(trade, "supplier_deliveries")
    run(trade, "supplier_invoices")
    assert trade.run("supplier_catalogue").balanced
    assert row(trade, "SELECT status, order_id FROM order_response") == ("accepted", "P-7001")
    assert row(trade, "SELECT sscc FROM shipment_package") == ("430456700000000016",)
    assert Decimal(row(trade, "SELECT missing_quantity FROM receiving_advice_line")[0]) == 1
    assert Decimal(row(trade, "SELECT on_hand FROM stock_level")[0]) == 4
    assert row(trade, "SELECT kind, invoice_id FROM payment_line") == ("invoice", "R-1")
