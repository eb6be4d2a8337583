"""Conditions: over raw rows, JSON and canonical documents."""

from __future__ import annotations

import pytest

from crossdock.errors import Misconfigured
from crossdock.mapping import when
from crossdock.mapping.examples import canonical
from crossdock.model import entity
from tests.mapping.making import objects, rows

ROWS = rows(
    [{"no": "C1", "kind": "a"}, {"no": "C1", "kind": "b"}],
    [{"no": "2", "kind": "b"}],
    [{"no": "", "kind": "a"}],
)


def mask(spec, table=ROWS):
    return when.compile(spec, "flow.yaml:3").mask(table).to_pylist()


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"field": "no", "equals": "2"}, [False, True, False]),
        ({"field": "no", "equals": 2}, [False, True, False]),
        ({"field": "no", "one_of": ["C1", 2]}, [True, True, False]),
        ({"field": "no", "starts_with": "C"}, [True, False, False]),
        ({"field": "no", "matches": "^[0-9]+$"}, [False, True, False]),
        ({"field": "no", "present": True}, [True, True, False]),
        ({"field": "no", "present": False}, [False, False, True]),
        ({"field": "gone", "present": False}, [True, True, True]),
        ({"field": "gone", "equals": "x"}, [False, False, False]),
        ({"field": "kind", "equals": "b"}, [False, True, False]),
        ({"field": "kind", "equals": "b", "any_row": True}, [True, True, False]),
        ({"field": "rows.kind", "equals": "a"}, [True, False, True]),
        ({"not": {"field": "kind", "equals": "b"}}, [True, False, True]),
        (
            {"all": [{"field": "no", "present": True}, {"field": "kind", "equals": "a"}]},
            [True, False, False],
        ),
        (
            {"any": [{"field": "no", "equals": "2"}, {"field": "kind", "equals": "a"}]},
            [True, True, True],
        ),
        ({"field": "no", "starts_with": "C", "not": {"field": "no", "equals": "C1"}}, [False] * 3),
    ],
)
def test_conditions_over_rows(spec, wanted):
    assert mask(spec) == wanted


def test_conditions_over_json_records():
    batch = objects('{"a": {"b": true}, "l": [{"x": 1}, {"x": 2}]}', '{"a": 1}', "{", '{"l": []}')
    assert mask({"field": "a.b", "equals": True}, batch) == [True, False, False, False]
    assert mask({"field": "l.x", "equals": 2}, batch) == [False] * 4
    assert mask({"field": "l.x", "equals": 2, "any_row": True}, batch) == [
        True,
        False,
        False,
        False,
    ]
    assert mask({"not": {"field": "a.b", "equals": True}}, batch) == [False, True, False, True]


def test_conditions_over_documents():
    documents = canonical(
        entity("sales_order"),
        [
            {"id": "1", "total_amount": "10.50", "prices_include_tax": True, "lines": []},
            {
                "id": "2",
                "total_amount": 0,
                "issued_at": "2010-12-01T08:26:00Z",
                "lines": [{"line_id": "1", "kind": "product"}, {"line_id": "2", "kind": "charge"}],
            },
        ],
    )
    assert mask({"field": "total_amount", "equals": "10.5"}, documents) == [True, False]
    assert mask({"field": "total_amount", "equals": 0}, documents) == [False, True]
    assert mask({"field": "prices_include_tax", "equals": True}, documents) == [True, False]
    assert mask({"field": "issued_at", "starts_with": "2010-12"}, documents) == [False, True]
    charge = {"field": "lines.kind", "equals": "charge"}
    assert mask(charge, documents) == [False, False]
    assert mask({**charge, "any_row": True}, documents) == [False, True]


def test_a_share_is_the_same_for_ever_and_about_as_large_as_it_says():
    many = rows(*[[{"no": str(number)}] for number in range(20_000)])
    one = mask({"share": {"of": "no", "percent": 1}}, many)
    five = mask({"share": {"of": "no", "percent": "5"}}, many)
    assert 150 < sum(one) < 250
    assert 900 < sum(five) < 1100
    assert all(second for first, second in zip(one, five, strict=True) if first)
    chosen = [number for number, taken in enumerate(one) if taken][:3]
    assert chosen == [178, 245, 286]
    assert all(mask({"share": {"of": "no", "percent": 100}}, many))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"field": "no"}, "needs a test"),
        ({"equals": "x"}, "needs a field"),
        ({"field": "no", "equls": "x"}, "did you mean 'equals'"),
        ({"field": "no", "matches": "("}, "no regular expression"),
        ({"share": {"of": "no", "percent": 0}}, "no percentage"),
        ({"share": {"percent": 1}}, "needs 'of'"),
        ({"all": []}, "write a list of conditions"),
        ({}, "needs field"),
        ([], "must have keys"),
    ],
)
def test_wrong_conditions_say_where_and_how(spec, says):
    with pytest.raises(Misconfigured, match=says) as caught:
        when.compile(spec, "flow.yaml:3")
    assert "flow.yaml:3" in str(caught.value)
