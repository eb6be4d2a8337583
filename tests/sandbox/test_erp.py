"""The sandbox ERP by zeep alone, as any client would meet it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from zeep.wsse.username import UsernameToken

from crossdock.sandbox import journal
from crossdock.sandbox.erp import Erp


def client(erp: Erp, **rest: Any) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.auth = None if "wsse" in rest else (erp.user, erp.password)
    settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_external=True)
    return zeep.Client(
        erp.wsdl, transport=zeep.Transport(session=session), settings=settings, **rest
    ).service


def order(number: str, **rest: Any) -> dict[str, Any]:
    line = {"LineNo": 1, "ItemNo": "A", "Quantity": 2, "UnitPrice": "1.5", "Amount": Decimal(3)}
    return {
        "OrderNo": number,
        "CustomerNo": "C1",
        "Currency": "EUR",
        "OrderDate": datetime(2024, 3, 1, tzinfo=UTC),
        "Total": Decimal("3.00"),
        "Lines": {"Line": [line]},
        **rest,
    }


def changed(number: str, **rest: Any) -> dict[str, Any]:
    line = {"LineNo": 1, "ItemNo": "B", "Quantity": 4, "UnitPrice": "1.5", "Amount": Decimal(6)}
    return order(number, **{"Total": Decimal(6), "Lines": {"Line": [line]}, **rest})


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    with Erp(tmp_path, customers=["C1"], closed_before=datetime(2024, 1, 1, tzinfo=UTC)) as running:
        yield running


def test_the_wsdl_serves_a_strict_client(erp: Erp) -> None:
    service = client(erp)
    assert service.CreateSalesOrder(**order("1")).DocumentId == "SO-000001"
    assert service.CreateCustomer(CustomerNo="C2", Name="Two").Succeeded
    assert service.CreateCustomer(CustomerNo="C2", Name="Two").Code == "CUSTOMER_EXISTS"
    assert [found.CustomerNo for found in service.FindCustomers(["C1", "C2", "C9"])] == ["C1", "C2"]


def test_a_second_send_is_a_second_document(erp: Erp) -> None:
    service = client(erp)
    for _ in range(2):
        service.CreateSalesOrder(**order("1"))
    assert len(service.FindSalesOrders(["1", "2"])) == 2
    assert len(journal.effects(erp.journal.entries())["sales_order", "1"]) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"CustomerNo": "C9"}, "CUSTOMER_UNKNOWN"),
        ({"Total": Decimal("3.01")}, "TOTAL_WRONG"),
        ({"OrderDate": datetime(2023, 12, 31, tzinfo=UTC)}, "PERIOD_CLOSED"),
    ],
)
def test_business_refusals_come_with_status_200(
    erp: Erp, change: dict[str, Any], code: str
) -> None:
    found = client(erp).CreateSalesOrder(**order("1", **change))
    assert (found.Succeeded, found.Code) == (False, code)
    assert [entry.kind for entry in erp.journal.entries()] == ["refused"]


def test_a_batch_has_a_result_for_each(erp: Erp) -> None:
    sent = {"Order": [order("1"), order("2", CustomerNo="C9"), order("3")]}
    found = client(erp).CreateSalesOrders(sent)
    assert [(one.Reference, one.Succeeded) for one in found] == [
        ("1", True),
        ("2", False),
        ("3", True),
    ]


def test_a_change_replaces_the_document_and_books_none(erp: Erp) -> None:
    service = client(erp)
    service.CreateSalesOrder(**order("1", CustomerName="Old"))
    for _ in range(2):  # the second is what a caller sends who did not hear the answer
        (found,) = service.ChangeSalesOrders({"Order": [changed("1")]})
        assert (found.Succeeded, found.Reference, found.DocumentId) == (True, "1", "SO-000001")
    (document,) = service.FindSalesOrders(["1"])
    assert (document.DocumentId, document.Total, document.Status) == ("SO-000001", 6, "Open")
    assert document.CustomerName is None
    entries = erp.journal.entries()
    assert [entry.operation for entry in entries] == ["create", "change"]
    assert len(journal.effects(entries)["sales_order", "1"]) == 2
    assert len(journal.created(entries)["sales_order", "1"]) == 1


def test_changes_that_cannot_be_are_refused_one_by_one(erp: Erp) -> None:
    service = client(erp)
    for number in ("1", "2", "2", "3", "4"):
        service.CreateSalesOrder(**order(number))
    erp.close_document("SO-000004")
    sent = [changed("1"), changed("2"), changed("3"), changed("4", Total=Decimal(9)), changed("5"),
            changed("2", DocumentId="SO-000003"), changed("1", DocumentId="SO-000002")]  # fmt: skip
    found = service.ChangeSalesOrders({"Order": sent})
    assert [(one.Succeeded, one.Code) for one in found] == [
        (True, None),
        (False, "AMBIGUOUS"),
        (False, "DOCUMENT_CLOSED"),
        (False, "TOTAL_WRONG"),
        (False, "DOCUMENT_UNKNOWN"),
        (True, None),
        (False, "DOCUMENT_UNKNOWN"),
    ]
    changes = [entry for entry in erp.journal.entries("accepted") if entry.operation == "change"]
    assert [entry.their_id for entry in changes] == ["SO-000001", "SO-000003"]
    refused = erp.journal.entries("refused")
    assert {entry.operation for entry in refused} == {"change"}
    assert "DocumentId" not in refused[-1].body


def test_a_customer_is_changed_but_not_made_by_a_change(erp: Erp) -> None:
    service = client(erp)
    assert service.ChangeCustomer(CustomerNo="C9", Name="Nine").Code == "CUSTOMER_UNKNOWN"
    for _ in range(2):
        assert service.ChangeCustomer(CustomerNo="C1", Name="One", Country="DE").Succeeded
    assert [found.Name for found in service.FindCustomers(["C1", "C9"])] == ["One"]
    assert [entry.operation for entry in erp.journal.entries("accepted")] == ["change"]


@pytest.mark.parametrize(
    "change",
    [{"Currency": "EURO"}, {"OrderNo": ""}, {"OrderNo": "x" * 21}],
)
def test_what_the_schema_does_not_allow_is_a_fault_of_the_caller(
    erp: Erp, change: dict[str, Any]
) -> None:
    service = client(erp)
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateSalesOrder(**order("1", **change))
    assert caught.value.code == "soap:Client"
    with pytest.raises(zeep.exceptions.Fault, match="not valid"):
        service.ChangeSalesOrders({"Order": [order("1", **change)]})
    assert erp.journal.entries() == []


@pytest.mark.parametrize("digest", [True, False])
def test_a_username_token_is_wanted_where_it_is_the_rule(tmp_path: Path, digest: bool) -> None:
    with Erp(tmp_path, security="username_token") as erp:
        good = client(erp, wsse=UsernameToken(erp.user, erp.password, use_digest=digest))
        assert good.CreateSalesOrder(**order("1")).Succeeded
        bad = client(erp, wsse=UsernameToken(erp.user, "no", use_digest=digest))
        with pytest.raises(zeep.exceptions.Fault, match="password"):
            bad.CreateSalesOrder(**order("2"))


def test_stock_comes_in_pages_and_by_change(tmp_path: Path) -> None:
    rows = [
        {
            "ItemNo": f"I{n}",
            "Location": "main",
            "Quantity": "1",
            "updated_at": f"2024-03-0{n}T00:00:00Z",
        }
        for n in range(1, 8)
    ]
    with Erp(tmp_path, stock=rows) as erp:
        service, found, token = client(erp), [], None
        while True:
            page = service.GetStock(
                ChangedSince=None if token else datetime(2024, 3, 3, tzinfo=UTC),
                PageToken=token,
                PageSize=2,
            )
            found += [item.ItemNo for item in page["Items"]["Item"]]
            token = page["NextPageToken"]
            if token is None:
                break
        assert found == ["I3", "I4", "I5", "I6", "I7"]
        assert len(erp.journal.entries("exposed")) == 5


def test_an_erp_that_starts_again_knows_its_documents(tmp_path: Path) -> None:
    with Erp(tmp_path) as erp:
        client(erp).CreateSalesOrder(**order("1"))
        client(erp).CreateCustomer(CustomerNo="C7", Name="Seven")
        client(erp).ChangeSalesOrders({"Order": [changed("1")]})
        client(erp).CreateSalesOrder(**order("9"))
        erp.close_document("SO-000002")
    with Erp(tmp_path) as erp:
        service = client(erp)
        found = service.FindSalesOrders(["1", "9"])
        assert [(one.DocumentId, one.Total, one.Status) for one in found] == [
            ("SO-000001", 6, "Open"),
            ("SO-000002", 3, "Closed"),
        ]
        assert len(service.FindCustomers(["C7"])) == 1
        assert service.CreateSalesOrder(**order("2")).DocumentId == "SO-000003"
