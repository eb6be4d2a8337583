"""The SOAP connector against the sandbox ERP, over a real socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.soap import Soap
from crossdock.connector import Outcome, Page, Parcel, Reads, World, Writes
from crossdock.errors import Misconfigured, TryLater
from crossdock.sandbox import journal
from crossdock.sandbox.erp import Erp
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.server import Answer, Request, Server
from tests.faults.catalogue import fault

FIND = {
    "operation": "FindSalesOrders",
    "by": "OrderNo",
    "records": "Documents.Document",
    "id": "DocumentId",
}
ORDER = {
    "delivery": "lookup_before_create",
    "key": "OrderNo",
    "operation": "CreateSalesOrder",
    "result": "Result",
    "succeeded": "Succeeded",
    "id": "DocumentId",
    "code": "Code",
    "message": "Message",
    "money": "Total",
    "lookup": FIND,
}
ORDERS = {
    **ORDER,
    "operation": "CreateSalesOrders",
    "items": "Orders.Order",
    "result": "Results.Result",
    "match": {"Reference": "OrderNo"},
    "batch": 50,
}
CHANGE = {"operation": "ChangeSalesOrders", "their_id": "DocumentId"}
CUSTOMER = {
    **{key: ORDER[key] for key in ("delivery", "result", "succeeded", "id", "code", "message")},
    "key": "CustomerNo",
    "operation": "CreateCustomer",
    "update": {"operation": "ChangeCustomer"},
    "lookup": {
        "operation": "FindCustomers",
        "by": "CustomerNo",
        "records": "Customers.Customer",
        "id": "CustomerNo",
    },
}
STOCK = {
    "key": "ItemNo",
    "operation": "GetStock",
    "records": "GetStockResponse.Items.Item",
    "request": {"PageSize": 10},
    "token": {"request": "PageToken", "answer": "NextPageToken"},
    "cursor": "ChangedAt",
    "since": "ChangedSince",
    "order": "oldest_first",
}
STREAMS = {
    "order": ORDER,
    "orders": ORDERS,
    "changing": {**ORDERS, "update": CHANGE},
    "customer": CUSTOMER,
    "stock": STOCK,
}
ITEMS = [
    {
        "ItemNo": f"I{number:03}",
        "Location": "main",
        "Quantity": f"{number}.5",
        "updated_at": f"2024-03-01T00:{number // 3:02}:00+01:00",
    }
    for number in range(35)
]


def order(number: str, **rest: Any) -> dict[str, Any]:
    """A sales order as the mapping gives it."""
    line = {
        "LineNo": 1,
        "ItemNo": "A",
        "Description": "Bolt & nut <M8> é 中",
        "Quantity": Decimal("2.000000"),
        "UnitPrice": Decimal("0.10"),
        "Amount": Decimal("0.20"),
    }
    return {
        "OrderNo": number,
        "CustomerNo": "C1",
        "CustomerName": None,
        "Currency": "EUR",
        "OrderDate": datetime(2024, 3, 1, 12, 0, tzinfo=UTC),
        "Total": Decimal("0.20"),
        "Lines": {"Line": [line]},
        **rest,
    }


def parcels(*bodies: Mapping[str, Any]) -> list[Parcel]:
    return [Parcel(f"ref-{b['OrderNo']}", f"key-{b['OrderNo']}", "create", b) for b in bodies]


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    with Erp(tmp_path / "erp", customers=["C1"], stock=ITEMS) as running:
        yield running


Open = Callable[..., Soap]


@pytest.fixture
def connect(world: World) -> Iterator[Open]:
    made = []

    def opened(
        erp: Erp | None = None, streams: Mapping[str, Any] = STREAMS, **settings: Any
    ) -> Soap:
        if erp is not None:
            settings = {"wsdl": erp.wsdl, "user": erp.user, "password": erp.password, **settings}
        connector = Soap(**settings)
        kinds = {name: Soap.stream(name, spec) for name, spec in streams.items()}
        connector.bind("erp", world, kinds)
        vars(connector)["allow_private"] = True
        made.append(connector)
        return connector

    yield opened
    for connector in made:
        connector.close()


def takes(connector: Soap, name: str = "order") -> Writes:
    return connector.writes()[name]


def gives(connector: Soap, name: str = "stock") -> Reads:
    return connector.reads()[name]


def verdicts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.verdict for outcome in outcomes]


def accepted(erp: Erp) -> list[str]:
    return [entry.reference for entry in erp.journal.entries("accepted")]


# -- writing -------------------------------------------------------------------------------------
def test_an_order_arrives_whole_and_their_id_comes_back(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    (outcome,) = soap.write(takes(soap), parcels(order("1")))
    assert (outcome.verdict, outcome.their_id) == ("delivered", "SO-000001")
    (entry,) = erp.journal.entries("accepted")
    assert entry.amount == "0.20"
    assert entry.body["OrderDate"] == "2024-03-01T12:00:00Z"
    assert entry.body["Lines"]["Line"][0]["Description"] == "Bolt & nut <M8> é 中"
    assert "CustomerName" not in entry.body


@pytest.mark.parametrize("auth", ["username_token", "digest"])
def test_a_username_token_signs_in(tmp_path: Path, connect: Open, auth: str) -> None:
    with Erp(tmp_path / auth, security="username_token") as erp:
        soap = connect(erp, auth=auth)
        assert verdicts(soap.write(takes(soap), parcels(order("1")))) == ["delivered"]


def test_a_no_inside_of_a_yes_is_a_refusal_with_their_words(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    outcomes = soap.write(
        takes(soap),
        parcels(order("1", CustomerNo="X"), order("2"), order("3", Total=Decimal("9"))),
    )
    assert verdicts(outcomes) == ["refused", "delivered", "refused"]
    assert outcomes[0].message.startswith("CUSTOMER_UNKNOWN: There is no customer")
    assert accepted(erp) == ["2"]


def test_each_document_of_a_batch_has_its_own_verdict(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    outcomes = soap.write(
        takes(soap, "orders"), parcels(order("1"), order("2", CustomerNo="X"), order("3"))
    )
    assert verdicts(outcomes) == ["delivered", "refused", "delivered"]
    assert [o.reference for o in outcomes] == ["ref-1", "ref-2", "ref-3"]
    assert erp.server.by_endpoint["POST /erp"] == 1


def test_one_document_that_the_schema_refuses_does_not_stop_its_batch(
    erp: Erp, connect: Open
) -> None:
    soap = connect(erp)
    bad = [order("2", Currency="EURO"), order("4", OrderNo="x" * 30), order("5", Lines=None)]
    outcomes = soap.write(
        takes(soap, "orders"), parcels(order("1"), bad[0], order("3"), bad[1], bad[2])
    )
    assert verdicts(outcomes) == ["delivered", "refused", "delivered", "refused", "refused"]
    assert accepted(erp) == ["1", "3"]


def test_a_document_that_xml_cannot_hold_is_refused_alone(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    outcomes = soap.write(takes(soap), parcels(order("1", CustomerName="a\x00b"), order("2")))
    assert verdicts(outcomes) == ["refused", "delivered"]


def test_a_field_that_the_operation_does_not_have_stops_before_any_send(
    erp: Erp, connect: Open
) -> None:
    soap = connect(erp)
    with pytest.raises(Misconfigured, match="Custmer"):
        soap.write(takes(soap), parcels(order("1", Custmer="C1")))
    assert accepted(erp) == []


@fault("N12")
@pytest.mark.parametrize("fault", ["commit_then_reset", "commit_then_500"])
def test_a_lost_answer_is_tried_later_and_found_by_the_lookup(
    erp: Erp, connect: Open, fault: str
) -> None:
    soap = connect(erp)
    erp.plan = Plan([{"at": 1, "endpoint": "POST /erp", "fault": fault}])
    outcomes = soap.write(takes(soap), parcels(order("1"), order("2")))
    assert verdicts(outcomes) == ["try_later", "try_later"]
    assert "not sent" in outcomes[1].message
    found = soap.lookup(takes(soap), parcels(order("1"), order("2")))
    assert found["ref-2"] is None
    assert found["ref-1"] is not None
    assert found["ref-1"].their_id == "SO-000001"
    assert (found["ref-1"].body or {})["Total"] == "0.20"


def test_without_a_lookup_a_lost_answer_is_uncertain(erp: Erp, connect: Open) -> None:
    spec = {key: value for key, value in ORDER.items() if key != "lookup"}
    soap = connect(erp, {"order": {**spec, "delivery": "none"}})
    erp.plan = Plan([{"at": 1, "endpoint": "POST /erp", "fault": "commit_then_reset"}])
    assert verdicts(soap.write(takes(soap), parcels(order("1"), order("2")))) == [
        "uncertain",
        "try_later",
    ]


def test_the_declared_class_is_true(erp: Erp, connect: Open) -> None:
    """Without the look-up the ERP makes a second document; that is why the class is declared."""
    soap = connect(erp)
    for _ in range(2):
        soap.write(takes(soap), parcels(order("1")))
    assert accepted(erp) == ["1", "1"]


@fault("L03")
def test_a_slow_answer_ends_at_the_deadline(erp: Erp, connect: Open) -> None:
    soap = connect(erp, {"order": {**ORDER, "deadline": 0.5}})
    soap.lookup(takes(soap), parcels(order("0")))
    erp.plan = Plan([{"at": 1, "fault": "slow", "after": 1.5, "times": 99}])
    assert verdicts(soap.write(takes(soap), parcels(order("1"), order("2")))) == ["try_later"] * 2


# -- changes -------------------------------------------------------------------------------------
def change(number: str, their_id: str | None = None, **rest: Any) -> Parcel:
    """A change of an order, as the engine sends it."""
    line = {"LineNo": 1, "ItemNo": "A", "Quantity": 3, "UnitPrice": "0.10", "Amount": "0.30"}
    body = order(number, **{"Total": Decimal("0.30"), "Lines": {"Line": [line]}, **rest})
    return Parcel(f"ref-{number}", f"key-{number}-2", "update", body, their_id)


def created(erp: Erp) -> dict[str, int]:
    """How many documents the ERP made for each number, by its own journal."""
    found = journal.created(erp.journal.entries())
    return {number: len(entries) for (_, number), entries in found.items()}


def calls(erp: Erp) -> int:
    return erp.server.by_endpoint["POST /erp"]


@fault("B05")
@pytest.mark.parametrize("named", [True, False])
def test_a_change_replaces_the_document_and_makes_no_second(
    erp: Erp, connect: Open, named: bool
) -> None:
    soap = connect(erp)
    (first,) = soap.write(takes(soap, "changing"), parcels(order("1")))
    sent = change("1", first.their_id if named else None)
    (outcome,) = soap.write(takes(soap, "changing"), [sent])
    assert (outcome.verdict, outcome.their_id) == ("delivered", "SO-000001")
    found = soap.lookup(takes(soap, "changing"), [sent])["ref-1"]
    assert found is not None
    assert found.their_id == "SO-000001"
    assert (found.body or {})["Total"] == "0.30"
    assert created(erp) == {"1": 1}


def test_creates_and_changes_of_one_batch_keep_their_order(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    stream = takes(soap, "changing")
    soap.write(stream, parcels(order("1"), order("2")))
    before = calls(erp)
    mixed = [change("1"), *parcels(order("3")), change("9"), *parcels(order("4", CustomerNo="X")),
             change("2", "SO-000002")]  # fmt: skip
    outcomes = soap.write(stream, mixed)
    assert [o.reference for o in outcomes] == ["ref-1", "ref-3", "ref-9", "ref-4", "ref-2"]
    assert verdicts(outcomes) == ["delivered", "delivered", "refused", "refused", "delivered"]
    assert [o.their_id for o in outcomes] == ["SO-000001", "SO-000003", None, None, "SO-000002"]
    assert outcomes[2].message == "DOCUMENT_UNKNOWN: There is no such document."
    assert calls(erp) - before == 2
    assert created(erp) == {"1": 1, "2": 1, "3": 1}


@pytest.mark.parametrize("fault", ["commit_then_reset", "commit_then_500", "reset", "503"])
def test_a_change_whose_answer_is_lost_is_sent_again_without_harm(
    erp: Erp, connect: Open, fault: str
) -> None:
    soap = connect(erp)
    stream = takes(soap, "changing")
    soap.write(stream, parcels(order("1")))
    erp.plan = Plan([{"at": 1, "endpoint": "POST /erp", "fault": fault, "times": 9}])
    try:
        assert verdicts(soap.write(stream, [change("1", "SO-000001")])) == ["try_later"]
    except TryLater:
        assert fault in {"reset", "503"}
    erp.plan = NO_FAULTS
    (outcome,) = soap.write(stream, [change("1", "SO-000001")])
    assert (outcome.verdict, outcome.their_id) == ("delivered", "SO-000001")
    entries = erp.journal.entries("accepted")
    assert [entry.operation for entry in entries] == ["create", "change"]


def test_a_fault_after_the_creates_leaves_the_changes_for_later(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    stream = takes(soap, "changing")
    soap.write(stream, parcels(order("1")))
    erp.plan = Plan([{"at": 3, "endpoint": "POST /erp", "fault": "429", "times": 9}])
    outcomes = soap.write(stream, [*parcels(order("2")), change("1")])
    assert verdicts(outcomes) == ["delivered", "try_later"]
    assert created(erp) == {"1": 1, "2": 1}


def test_a_closed_and_a_doubled_document_are_not_changed(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    stream = takes(soap, "changing")
    soap.write(stream, parcels(order("1"), order("2"), order("2")))
    erp.close_document("SO-000001")
    outcomes = soap.write(stream, [change("1", "SO-000001"), change("2"), change("2", "SO-000003")])
    assert verdicts(outcomes) == ["refused", "refused", "delivered"]
    assert outcomes[0].message.startswith("DOCUMENT_CLOSED")
    assert outcomes[1].message.startswith("AMBIGUOUS")


def test_our_own_reference_is_never_sent_as_their_id(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    stream = takes(soap, "changing")
    soap.write(stream, parcels(order("1")))
    assert verdicts(soap.write(stream, [change("1", "ref-1")])) == ["delivered"]


@pytest.mark.parametrize("name", ["order", "orders"])
def test_a_stream_that_only_creates_refuses_changes_and_calls_nothing(
    erp: Erp, connect: Open, name: str
) -> None:
    soap = connect(erp)
    stream = takes(soap, name)
    soap.write(stream, parcels(order("1")))
    before = calls(erp)
    outcomes = soap.write(stream, [change("1", "SO-000001"), change("2")])
    assert [(o.verdict, o.message) for o in outcomes] == [
        (
            "refused",
            "this target takes new documents only: "
            f"the change of ref-{number} must be made there by hand",
        )
        for number in (1, 2)
    ]
    assert calls(erp) == before
    gone = Parcel("ref-1", "k", "delete", order("1"), "SO-000001")
    mixed = soap.write(stream, [change("1"), *parcels(order("3")), gone])
    assert verdicts(mixed) == ["refused", "delivered", "refused"]
    assert "no deletions" in mixed[2].message
    assert created(erp) == {"1": 1, "3": 1}


def test_an_operation_that_is_an_upsert_is_declared_as_one(erp: Erp, connect: Open) -> None:
    spec = {**CUSTOMER, "delivery": "upsert", "operation": "ChangeCustomer"}
    del spec["update"]
    soap = connect(erp, {"customer": spec})
    sent = Parcel("ref-C1", "k", "update", {"CustomerNo": "C1", "Name": "One"}, "C1")
    assert verdicts(soap.write(takes(soap, "customer"), [sent])) == ["delivered"]


def test_a_customer_is_made_once_and_then_changed(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    stream = takes(soap, "customer")

    def party(name: str, operation: Any, number: str = "C2") -> list[Parcel]:
        return [Parcel(f"ref-{number}", "k", operation, {"CustomerNo": number, "Name": name})]

    assert verdicts(soap.write(stream, party("Two", "create"))) == ["delivered"]
    assert verdicts(soap.write(stream, party("Zwei", "update"))) == ["delivered"]
    (unknown,) = soap.write(stream, party("Nine", "update", "C9"))
    assert (unknown.verdict, unknown.message.split(":")[0]) == ("refused", "CUSTOMER_UNKNOWN")
    found = soap.lookup(stream, party("", "update"))["ref-C2"]
    assert found is not None
    assert (found.body or {})["Name"] == "Zwei"
    assert created(erp) == {"C2": 1}


def test_the_example_system_changes_what_it_made(erp: Erp, connect: Open) -> None:
    import yaml

    path = Path(__file__).parents[2] / "config" / "systems" / "erp.yaml"
    streams = yaml.safe_load(path.read_text("utf-8"))["streams"]
    soap = connect(erp, {name: streams[name] for name in ("sales_order", "customer")})
    stream = takes(soap, "sales_order")
    (first,) = soap.write(stream, parcels(order("1")))
    (second,) = soap.write(stream, [change("1", first.their_id)])
    assert (second.verdict, second.their_id, created(erp)) == (
        "delivered", first.their_id, {"1": 1}
    )  # fmt: skip
    assert all(check.ok for check in soap.check())


@fault("N36")
# -- faults --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("server_fault", "try_later"),
        ("fault_200", "try_later"),
        ("client_fault", "refused"),
        ("html_fault", "try_later"),
        ("502_html", "try_later"),
        ("200_html", "try_later"),
        ("empty", "try_later"),
        ("429", "try_later"),
        ("503", "try_later"),
        ("truncated", "try_later"),
        ("truncated_gzip", "try_later"),
        ("reset_midway", "try_later"),
    ],
)
def test_what_each_fault_means(erp: Erp, connect: Open, fault: str, verdict: str) -> None:
    soap = connect(erp)
    soap.lookup(takes(soap), parcels(order("0")))
    rows = parcels(order("1"))
    erp.plan = Plan([{"at": 1, "fault": fault, "times": 99}])
    try:
        found = verdicts(soap.write(takes(soap), rows))
    except TryLater:
        found = ["try_later"]
        erp.plan = NO_FAULTS
        assert soap.lookup(takes(soap), rows) == {"ref-1": None}, "raised, but it had an effect"
    assert found == [verdict]


def test_codes_of_faults_can_be_declared(erp: Erp, connect: Open) -> None:
    soap = connect(erp, faults={"Server": "refused"})
    soap.lookup(takes(soap), parcels(order("0")))
    erp.plan = Plan([{"at": 1, "fault": "server_fault", "times": 9}])
    (outcome,) = soap.write(takes(soap), parcels(order("1")))
    assert (outcome.verdict, outcome.message) == (
        "refused",
        "the service answered with a fault: a fault of the plan",
    )


def test_codes_of_results_can_be_declared(erp: Erp, connect: Open) -> None:
    codes = {"CUSTOMER_UNKNOWN": "try_later", "TOTAL_WRONG": "misconfigured"}
    soap = connect(erp, {"order": {**ORDER, "codes": codes}})
    assert verdicts(soap.write(takes(soap), parcels(order("1", CustomerNo="X")))) == ["try_later"]
    with pytest.raises(Misconfigured, match="TOTAL_WRONG"):
        soap.write(takes(soap), parcels(order("2", Total=Decimal("9"))))


def test_a_wrong_password_stops_and_is_not_said(erp: Erp, connect: Open) -> None:
    soap = connect(erp, password="hush-hush")
    with pytest.raises(Misconfigured) as caught:
        soap.write(takes(soap), parcels(order("1")))
    assert "hush" not in f"{caught.value}{soap!r}"


# -- reading -------------------------------------------------------------------------------------
def records(connector: Soap, pages: list[Page], folder: Path) -> list[dict[str, Any]]:
    """All records of pages as the engine would parse them."""
    import json

    found = []
    for page in pages:
        path = folder / page.name
        assert isinstance(page.body, bytes)
        path.write_bytes(page.body)
        for table in connector.tables(gives(connector), page.media, path):
            found += [json.loads(text) for text in table["json"].to_pylist()]
    return found


def test_all_pages_come_as_the_bytes_that_were_sent(
    erp: Erp, connect: Open, tmp_path: Path
) -> None:
    soap = connect(erp)
    pages = list(soap.read(gives(soap), None))
    assert len(pages) == 4
    assert all(b"<soap:Envelope" in bytes(page.body) for page in pages)  # type: ignore[arg-type]
    rows = records(soap, pages, tmp_path)
    assert [row["ItemNo"] for row in rows] == [item["ItemNo"] for item in ITEMS]
    assert rows[1]["Quantity"] == "1.5"


def test_going_on_from_each_cursor_loses_nothing(erp: Erp, connect: Open, tmp_path: Path) -> None:
    soap = connect(erp)
    pages = list(soap.read(gives(soap), None))
    wanted = {item["ItemNo"] for item in ITEMS}
    for number, page in enumerate(pages, start=1):
        first = {row["ItemNo"] for row in records(soap, pages[:number], tmp_path)}
        rest = list(soap.read(gives(soap), page.cursor))
        assert first | {row["ItemNo"] for row in records(soap, rest, tmp_path)} == wanted


def test_an_unordered_service_moves_its_cursor_at_the_end_only(erp: Erp, connect: Open) -> None:
    soap = connect(erp, {"stock": {**STOCK, "order": "none"}})
    cursors = [page.cursor for page in soap.read(gives(soap), None)]
    assert cursors == [None, None, None, "2024-03-01T00:11:00+01:00"]


def test_elements_of_the_any_kind_reach_the_record(erp: Erp, connect: Open, tmp_path: Path) -> None:
    erp.change("stock", {**ITEMS[0], "extra": {"{urn:own}Shelf": "7b"}})
    soap = connect(erp)
    rows = records(soap, list(soap.read(gives(soap), None)), tmp_path)
    assert [row["Shelf"] for row in rows if "Shelf" in row] == ["7b"]


def test_an_element_that_the_wsdl_does_not_know_is_kept_and_said(
    erp: Erp, connect: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    price = {"ItemNo": "A", "Currency": "EUR", "UnitPrice": "1.10", "extra": {"Colour": "red"}}
    erp.change("prices", {**price, "updated_at": "2024-03-01T00:00:00Z"})
    records_at = "GetPricesResponse.Items.Item"
    prices = {"key": "ItemNo", "operation": "GetPrices", "records": records_at}
    soap = connect(erp, {"stock": prices})
    with caplog.at_level(logging.WARNING):
        (row,) = records(soap, list(soap.read(gives(soap), None)), tmp_path)
    assert (row["Colour"], row["UnitPrice"]) == ("red", "1.10")
    assert "Colour" in caplog.text


CIRCLE = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<GetStockResponse xmlns="urn:crossdock:sandbox:erp:1"><Items/><NextPageToken>again</NextPageToken>
</GetStockResponse></s:Body></s:Envelope>"""


def test_a_token_that_leads_in_a_circle_stops(erp: Erp, connect: Open) -> None:
    server = Server(lambda request: Answer(200, CIRCLE, "text/xml"))
    server.start()
    soap = connect(erp, endpoint=server.url)
    with pytest.raises(Misconfigured, match="read before"):
        list(soap.read(gives(soap), None))
    server.stop()


@fault("N29")
def test_a_token_that_died_is_for_later_and_the_cursor_is_kept(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    pages = soap.read(gives(soap), None)
    first = next(pages)
    erp.plan = Plan([{"at": 1, "fault": "client_fault", "times": 99}])
    with pytest.raises(TryLater, match="token"):
        next(pages)
    erp.plan = NO_FAULTS
    rest = list(soap.read(gives(soap), first.cursor))
    assert sum(bytes(page.body).count(b"<erp:ItemNo>") for page in rest) >= 25  # type: ignore[arg-type]


# -- the contract --------------------------------------------------------------------------------
class Wsdl:
    """Serves any WSDL beside an ERP, so that it can change."""

    def __init__(self, erp: Erp) -> None:
        from crossdock.sandbox import soap_envelope

        self.text = soap_envelope.wsdl(erp.url)
        self.server = Server(lambda request: self.answer(request))

    def answer(self, request: Request) -> Answer:
        return Answer(200, self.text, "text/xml")

    @property
    def url(self) -> str:
        return f"{self.server.url}/erp?wsdl"


@pytest.fixture
def wsdl(erp: Erp) -> Iterator[Wsdl]:
    served = Wsdl(erp)
    served.server.start()
    yield served
    served.server.stop()


NOTE = b'<xs:element name="Note" type="xs:string"%b/>'
TOTAL = b'<xs:element name="Total" type="xs:decimal"/>\n          <xs:element name="Lines"'


def changed(text: bytes, old: bytes, new: bytes) -> bytes:
    assert old in text
    return text.replace(old, new)


@fault("N37")
def test_a_harmless_change_is_told_and_the_pinned_copy_goes_on(
    erp: Erp, wsdl: Wsdl, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    first = connect(erp, wsdl=wsdl.url)
    assert verdicts(first.write(takes(first), parcels(order("1")))) == ["delivered"]
    wsdl.text = changed(wsdl.text, TOTAL, NOTE % b' minOccurs="0"' + TOTAL)
    second = connect(erp, wsdl=wsdl.url)
    with caplog.at_level(logging.WARNING):
        assert verdicts(second.write(takes(second), parcels(order("2")))) == ["delivered"]
    assert "+ CreateSalesOrder in.Note: string?" in caplog.text
    (line,) = [check for check in second.check() if check.what == "wsdl"]
    assert not line.ok
    assert "Note" in line.detail


@fault("N37")
def test_a_change_that_breaks_our_calls_stops_with_the_difference(
    erp: Erp, wsdl: Wsdl, connect: Open
) -> None:
    first = connect(erp, wsdl=wsdl.url)
    first.lookup(takes(first), parcels(order("0")))
    wsdl.text = changed(wsdl.text, TOTAL, NOTE % b"" + TOTAL)
    second = connect(erp, wsdl=wsdl.url)
    with pytest.raises(Misconfigured, match=r"\+ CreateSalesOrder in.Note: string") as caught:
        second.write(takes(second), parcels(order("1")))
    new = caught.value.fix.rpartition(" ")[2]
    third = connect(erp, wsdl=wsdl.url, wsdl_sha256=new)
    (outcome,) = third.write(takes(third), parcels(order("1")))
    assert (outcome.verdict, "Note" in outcome.message) == ("refused", True)


def test_a_contract_that_grew_by_what_is_called_now_is_taken(
    erp: Erp, wsdl: Wsdl, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    new = wsdl.text
    lines = [line for line in new.split(b"\n") if b'wsdl:operation name="ChangeSales' not in line]
    wsdl.text = b"\n".join(lines)
    first = connect(erp, {"order": ORDERS}, wsdl=wsdl.url)
    assert verdicts(first.write(takes(first), parcels(order("1")))) == ["delivered"]
    pin = (first._pinned()).sha256
    wsdl.text = new
    second = connect(erp, {"order": {**ORDERS, "update": CHANGE}}, wsdl=wsdl.url)
    with caplog.at_level(logging.WARNING):
        assert verdicts(second.write(takes(second), [change("1")])) == ["delivered"]
    assert "grew by what is called now (+ ChangeSalesOrders" in caplog.text
    third = connect(erp, {"order": {**ORDERS, "update": CHANGE}}, wsdl=wsdl.url, wsdl_sha256=pin)
    with pytest.raises(Misconfigured, match="ChangeSalesOrders"):
        third.write(takes(third), [change("1")])


@fault("N37")
def test_the_address_is_no_part_of_the_pin_but_must_not_leave_the_host(
    erp: Erp, wsdl: Wsdl, connect: Open
) -> None:
    first = connect(erp, wsdl=wsdl.url)
    first.lookup(takes(first), parcels(order("0")))
    wsdl.text = changed(wsdl.text, erp.url.encode(), b"http://evil.example/erp")
    second = connect(erp, wsdl=wsdl.url)
    with pytest.raises(Misconfigured, match=r"evil\.example"):
        second.lookup(takes(second), parcels(order("0")))
    third = connect(erp, wsdl=wsdl.url, endpoint=erp.url)
    assert third.lookup(takes(third), parcels(order("0"))) == {"ref-0": None}


def test_a_wsdl_that_is_away_leaves_the_pinned_copy(erp: Erp, wsdl: Wsdl, connect: Open) -> None:
    first = connect(erp, wsdl=wsdl.url)
    first.lookup(takes(first), parcels(order("0")))
    wsdl.server.plan = Plan([{"at": 1, "fault": "503", "times": 999}])
    second = connect(erp, wsdl=wsdl.url)
    assert verdicts(second.write(takes(second), parcels(order("1")))) == ["delivered"]


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://evil.example/types.xsd", "//evil.example/types.xsd"]
)
def test_imports_stay_where_the_wsdl_is(erp: Erp, wsdl: Wsdl, connect: Open, where: str) -> None:
    imported = f'<xs:import namespace="urn:x" schemaLocation="{where}"/>'.encode()
    first = b'<xs:simpleType name="Code20">'
    wsdl.text = changed(wsdl.text, first, imported + first)
    soap = connect(erp, wsdl=wsdl.url)
    with pytest.raises(Misconfigured, match="another place"):
        soap.lookup(takes(soap), parcels(order("0")))


def test_a_wsdl_of_the_project_with_its_import_beside_it(
    erp: Erp, connect: Open, world: World
) -> None:
    from crossdock.sandbox import soap_envelope

    text = soap_envelope.wsdl("http://old.example/erp").decode()
    start, end = text.index("<xs:schema"), text.index("</xs:schema>") + len("</xs:schema>")
    spaces = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:erp="urn:crossdock:sandbox:erp:1"'
    own = text[start:end].replace("<xs:schema", f"<xs:schema {spaces}", 1)
    outer = (
        '<xs:schema><xs:import namespace="urn:crossdock:sandbox:erp:1" '
        'schemaLocation="types/erp.xsd"/></xs:schema>'
    )
    folder = world.project / "contracts"
    (folder / "types").mkdir(parents=True)
    (folder / "erp.wsdl").write_text(text[:start] + outer + text[end:])
    (folder / "types" / "erp.xsd").write_text(own)
    soap = connect(erp, wsdl="contracts/erp.wsdl", endpoint=erp.url)
    assert verdicts(soap.write(takes(soap), parcels(order("1")))) == ["delivered"]
    for wrong in ("/etc/passwd", "../outside.xsd", "file:///etc/passwd"):
        (folder / "erp.wsdl").write_text(
            (text[:start] + outer + text[end:]).replace("types/erp.xsd", wrong)
        )
        again = connect(erp, wsdl="contracts/erp.wsdl", endpoint=erp.url)
        with pytest.raises(Misconfigured, match="another place"):
            again.lookup(takes(again), parcels(order("0")))


@fault("C13")
@pytest.mark.parametrize(
    "bomb", [b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b'<!DOCTYPE a SYSTEM "file:///etc/passwd">']
)
def test_a_document_type_is_refused(erp: Erp, wsdl: Wsdl, connect: Open, bomb: bytes) -> None:
    head, _, rest = wsdl.text.partition(b"?>")
    wsdl.text = head + b"?>" + bomb + rest
    soap = connect(erp, wsdl=wsdl.url)
    with pytest.raises(Misconfigured, match="DOCTYPE"):
        soap.lookup(takes(soap), parcels(order("0")))


# -- accounts ------------------------------------------------------------------------------------
def test_check_tries_what_changes_nothing(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    said = {check.what: (check.ok, check.detail) for check in soap.check()}
    assert said["wsdl"][0]
    assert said["stream order"] == (True, "called FindSalesOrders")
    assert said["stream stock"] == (True, "called GetStock")
    assert erp.journal.entries("accepted", "refused") == []
    wrong = connect(erp, password="no")
    assert not any(check.ok for check in wrong.check() if check.what != "wsdl")


def test_an_operation_that_is_not_there_is_named_with_those_that_are(
    erp: Erp, connect: Open
) -> None:
    soap = connect(erp, {"order": {**ORDER, "operation": "CreateOrder"}})
    with pytest.raises(Misconfigured, match=r"known: ChangeCustomer, .*CreateSalesOrder, "):
        soap.write(takes(soap), parcels(order("1")))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({**ORDER, "operation": ""}, "operation"),
        ({**ORDER, "lookup": None}, "needs lookup"),
        ({**ORDER, "lookup": {"operation": "X"}}, "lookup: by, id, records"),
        ({**ORDER, "codes": {"A": "perhaps"}}, "perhaps"),
        ({**ORDER, "sucseeded": "x"}, "unknown: sucseeded"),
        ({**ORDER, "update": {}}, "needs an operation"),
        ({**ORDER, "update": {"operation": "CreateSalesOrder"}}, "of its own"),
        ({**ORDER, "update": {**CHANGE, "lookup": FIND}}, "update: unknown: lookup"),
        ({**ORDER, "update": {**CHANGE, "codes": {"A": "perhaps"}}}, "perhaps"),
        ({**STOCK, "records": ""}, "records"),
        ({**STOCK, "since": ""}, "since"),
    ],
)
def test_a_stream_that_cannot_work_is_refused_when_it_is_read(
    spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Soap.stream("x", spec)


def test_private_addresses_need_leave(erp: Erp, connect: Open) -> None:
    soap = connect(erp)
    vars(soap)["allow_private"] = False
    with pytest.raises(Misconfigured):
        soap.lookup(takes(soap), parcels(order("0")))
