"""Two sides of one document: whoever comes first, the same document comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock import quarantine
from crossdock.conflicts import ConflictRules, load, settle
from crossdock.errors import Misconfigured
from crossdock.store import schema
from tests.engine.project import Project
from tests.faults.catalogue import fault

TIMES = ["2026-03-01T08:00:00Z", "2026-03-01T08:00:00.500000Z", "2026-03-02T08:00:00Z", None]
_value = st.sampled_from(["a", "b", "bb", "c", None, 1])
_document = st.fixed_dictionaries(
    {"name": _value, "brand": _value, "source_updated_at": st.sampled_from(TIMES)}
).map(lambda d: {name: value for name, value in d.items() if value is not None})
_rule = st.sampled_from(
    ["newest", "most_complete", "ask", {"prefer": ["erp"]}, {"prefer": ["shop", "erp"]},
     {"prefer": "shop"}, {"prefer": ["other"]}]
)  # fmt: skip
_rules = st.builds(ConflictRules, st.dictionaries(st.sampled_from(["name", "brand"]), _rule), _rule)


@fault("B08")
@settings(max_examples=400, deadline=None)
@given(base=_document, ours=_document, theirs=_document, rules=_rules)
def test_settling_does_not_depend_on_who_comes_first(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], rules: ConflictRules
) -> None:
    one, asked = settle(base, ours, theirs, rules, our_system="erp", their_system="shop")
    other, also = settle(base, theirs, ours, rules, our_system="shop", their_system="erp")
    assert one == other
    assert {question.field for question in asked} == {question.field for question in also}
    again = settle(base, ours, theirs, rules, our_system="erp", their_system="shop")
    assert again == (one, asked)
    for question in asked:
        mine, new = (json.dumps(side.get(question.field)).strip('"') for side in (ours, theirs))
        assert mine in question.value
        assert new in question.value


@settings(max_examples=200, deadline=None)
@given(base=_document, ours=_document, theirs=_document, rules=_rules)
def test_what_is_settled_stays_settled(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], rules: ConflictRules
) -> None:
    one, asked = settle(base, ours, theirs, rules, our_system="erp", their_system="shop")
    if not asked:
        same = settle(theirs, one, theirs, rules, our_system="erp", their_system="shop")
        assert same == (one, [])
    assert settle(base, ours, ours, rules, our_system="erp", their_system="shop")[1] == []
    unchanged, asked = settle(base, ours, base, rules, our_system="erp", their_system="shop")
    without = {name: value for name, value in ours.items() if name != "source_updated_at"}
    assert {n: v for n, v in unchanged.items() if n != "source_updated_at"} == without
    assert asked == []


def test_half_a_second_later_is_later() -> None:
    early = {"name": "early", "source_updated_at": TIMES[0]}
    late = {"name": "late", "source_updated_at": TIMES[1]}
    for ours, theirs in ((early, late), (late, early)):
        merged, _ = settle(
            {"name": "x"}, ours, theirs, ConflictRules(), our_system="a", their_system="b"
        )
        assert merged == late


FLOW = """\
organisation: tiny
shop: web
legs:
  - pull: {system}
    map: [{mapping}]
push:
  - {{to: depot.products, entity: product, map: depot/product}}
"""


@pytest.fixture
def two(project: Project) -> Project:
    """Two flows that meet in one product: a catalogue of the till, and wares of the shop."""
    project.write(
        "config/flows/till.yaml", FLOW.format(system="till.catalogue", mapping="till/ware")
    )
    project.write("config/flows/shop.yaml", FLOW.format(system="shop.wares", mapping="shop/ware"))
    return project


def come(
    project: Project, flow: str, name: str, text: str = "", brand: str = "", day: int = 1
) -> dict[str, Any]:
    """Let a side say what it knows of the product."""
    stream = {"till": "catalogue", "shop": "wares"}[flow]
    row = f"MUG,{name},{text},{brand},2026-03-{day:02} 10:00:00"
    project.write(f"inbox/{stream}/wares.csv", f"sku,name,text,brand,updated\n{row}\n")
    books = project.run(flow)
    assert books.balanced, books.data
    return books.data["records"]  # type: ignore[no-any-return]


def product(project: Project) -> tuple[Any, ...]:
    """Name, description and brand of the one product, here and in the depot."""
    table = schema.typed["product"][0]
    (row,) = project.rows(sa.select(table.c.name, table.c.description, table.c.brand))
    (there,) = project.depot()["products"]
    assert set(filter(None, row)) <= set(there)
    return tuple(row)


def rule(project: Project, text: str) -> None:
    """Say who wins."""
    project.write("validation/conflicts/product.yaml", text)


@fault("B08")
@pytest.mark.parametrize("order", ["till shop", "shop till"])
def test_two_sources_make_one_document(two: Project, order: str) -> None:
    for flow in order.split():
        if flow == "till":
            come(two, "till", "Mug", "white", day=2)
        else:
            come(two, "shop", "Cup", brand="Acme", day=3)
    assert product(two) == ("Cup", "white", "Acme")


def test_each_side_changes_what_the_other_left_alone(two: Project) -> None:
    come(two, "till", "Mug", "white", "Acme", day=1)
    come(two, "shop", "Mug", "white", "Acme", day=1)
    come(two, "till", "Mug", "blue", "Acme", day=5)
    come(two, "shop", "Mug", "white", "Best", day=4)
    assert product(two) == ("Mug", "blue", "Best")


def test_an_older_change_of_one_side_does_not_undo_its_newer_one(two: Project) -> None:
    come(two, "till", "new", "white", day=5)
    come(two, "shop", "new", "white", "Acme", day=6)
    come(two, "till", "old", "white", day=2)
    assert product(two)[0] == "new"


def test_the_preferred_side_keeps_its_field_for_ever(two: Project) -> None:
    rule(two, "fields: {name: {prefer: [till]}}\n")
    come(two, "till", "Mug", day=1)
    come(two, "shop", "Cup", brand="Acme", day=2)
    assert product(two)[0] == "Mug"
    come(two, "shop", "Beaker", brand="Best", day=3)
    assert product(two) == ("Mug", None, "Best")
    come(two, "till", "Bowl", day=4)
    assert product(two) == ("Bowl", None, "Best")


@fault("B08")
def test_ask_holds_the_record_with_both_values(two: Project) -> None:
    rule(two, "fields: {name: ask}\n")
    come(two, "till", "Mug", day=1)
    records = come(two, "shop", "Cup", brand="Acme", day=2)
    assert records["quarantined"] == 1
    (hold,) = quarantine.listed(two.store, cause="conflict")
    (verdict,) = quarantine.show(two.store, hold["id"])["verdicts"]
    assert (verdict["field"], verdict["value"]) == ("name", "ours Mug, theirs Cup")
    assert product(two) == ("Mug", None, None)
    quarantine.release(two.store, [hold["id"]], who="ann", reason="the shop is right")
    two.run("shop")
    assert product(two)[0] == "Cup"
    assert quarantine.listed(two.store) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fields: {nam: ask}\n", r"product.yaml:1\).*'name'"),
        ("fields:\n  name: newst\n", r"product.yaml:2\).*'newest'"),
        ("default: oldest\n", r"product.yaml:1\)"),
    ],
)
def test_mistakes_in_rules_are_named(lite: Project, text: str, words: str) -> None:
    rule(lite, text)
    with pytest.raises(Misconfigured, match=words):
        load(lite.folder / "validation", "product")
