"""A delivered document that changes at its source is changed at its target, by the target's id."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from crossdock.sandbox import journal
from crossdock.sandbox.erp import Erp
from crossdock.sandbox.faults import NO_FAULTS, Plan
from tests.engine.conftest import Databases
from tests.engine.project import Project, order

ROOT = Path(__file__).parents[2]
Make = Callable[..., Project]


def test_a_change_carries_their_id_and_a_create_none(make: Make, database: Databases) -> None:
    project = make(database, delivery="lookup_before_create")
    project.script()
    project.orders([order("1"), order("2")])
    project.run("orders")
    project.orders([order("1", note="changed"), order("2"), order("3")])
    assert project.run("orders").balanced
    tries = {(line["operation"], line["number"], line["their_id"]) for line in project.tries()}
    assert tries == {
        ("create", "1", None),
        ("create", "2", None),
        ("update", "1", "T1"),
        ("create", "3", None),
    }


@pytest.mark.parametrize("fault", ["", "commit_then_reset"])
def test_an_order_that_changes_is_one_document_at_the_erp(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    project = make(delivery="lookup_before_create")
    text = (ROOT / "config/systems/erp.yaml").read_text("utf-8").replace("sandbox: true\n", "")
    project.write("config/systems/erp.yaml", text)
    flow = "config/flows/orders.yaml"
    project.file(flow, ("erp.lookup_before_create", "erp.sales_order"),
                 ("map: erp/order", "map: erp/sales_order"))  # fmt: skip
    for name in ("sales_order.yaml", "examples/sales_order.yaml"):
        project.write(f"mappings/erp/{name}", (ROOT / "mappings/erp" / name).read_text("utf-8"))
    with Erp(tmp_path / "books") as erp:
        monkeypatch.setenv("SANDBOX_ERP_WSDL", erp.wsdl)
        monkeypatch.setenv("SANDBOX_ERP_USER", erp.user)
        monkeypatch.setenv("SANDBOX_ERP_PASSWORD", erp.password)
        project.orders([order("1"), order("2")])
        project.run("orders")
        lines = [{"sku": "MUG", "quantity": "3", "price": "10.00"}]
        if fault:
            times = erp.server.by_endpoint["POST /erp"]
            erp.plan = Plan([{"at": times + 1, "endpoint": "POST /erp", "fault": fault}])
        project.orders([order("1", "30.00", lines=lines), order("2")])
        project.run("orders")
        erp.plan = NO_FAULTS
        entries = erp.journal.entries("accepted")
        made = {number: len(found) for (_, number), found in journal.created(entries).items()}
        assert made == {"1": 1, "2": 1}
        (change,) = entries[2:]
        assert (change.operation, change.their_id) == ("change", "SO-000001")
        assert Decimal(change.amount or "") == 30
