"""The step map: every record passes once or is held, whatever the mappings are."""

from __future__ import annotations

import pyarrow as pa

from crossdock.map import map as step
from tests.mapping.making import mapping, objects, rows

KIND = """
from: a.b
to: {entity}
when: {{field: no, starts_with: "{start}"}}
fields:
  id: {{path: no, take: first}}
  {more}
examples: [examples/x.yaml]
"""


def two(folder):
    return [
        mapping(
            folder / "s",
            KIND.format(entity="sales_order", start="S", more="currency: cur"),
        ),
        mapping(
            folder / "c",
            KIND.format(
                entity="invoice",
                start="C",
                more="currency: cur\n  type_code: {constant: credit_note}",
            ),
        ),
        mapping(
            folder / "a",
            KIND.format(
                entity="invoice",
                start="A",
                more="currency: cur\n  type_code: {constant: adjustment}",
            ),
        ),
    ]


def test_each_record_goes_to_the_first_mapping_that_takes_it(tmp_path):
    batch = rows(
        [{"no": "A1", "cur": "GBP"}],
        [{"no": "S1", "cur": "GBP"}],
        [{"no": "C1", "cur": "GBP"}],
        [{"no": "X1", "cur": "GBP"}],
        [{"no": "C2", "cur": "GPB"}],
        [{"no": "S2", "cur": "GBP", "tip": "1"}],
    )
    result = step(batch, two(tmp_path))
    passed, held = result
    assert passed["sales_order"].column("record").to_pylist() == [1, 5]
    assert passed["invoice"].column("record").to_pylist() == [0, 2]
    assert passed["invoice"].column("type_code").to_pylist() == ["adjustment", "credit_note"]
    found = [(row["record"], row["rule"], row["path"]) for row in held.to_pylist()]
    assert found == [(3, "no_mapping", ""), (4, "currency", "cur")]
    assert result.new_fields == {"tip": 1}


def test_json_is_handed_out_the_same_way(tmp_path):
    batch = objects('{"no": "S1", "cur": "EUR"}', "{", '{"no": "C1", "cur": "EUR"}', '{"no": 1}')
    passed, held = step(batch, two(tmp_path))
    assert passed["sales_order"].column("record").to_pylist() == [0]
    assert passed["invoice"].column("record").to_pylist() == [2]
    assert [(row["record"], row["rule"]) for row in held.to_pylist()] == [
        (1, "unreadable"),
        (3, "no_mapping"),
    ]


def test_what_landing_found_wrong_is_held_and_deletions_are_the_callers(tmp_path):
    kind = pa.list_(pa.struct([("no", pa.string()), ("cur", pa.string())]))
    batch = pa.table(
        {
            "key": ["a", "b", "c", "d"],
            "hash": pa.array([b"\0" * 32] * 4, pa.binary(32)),
            "deleted": [False, True, False, True],
            "fault": pa.array(["the key is missing", None, None, None], pa.string()),
            "rows": pa.array(
                [[{"no": "S1", "cur": "EUR"}], None, None, [{"no": "S4", "cur": "EUR"}]], kind
            ),
        }
    )
    passed, held = step(batch, two(tmp_path))
    assert passed["sales_order"].column("record").to_pylist() == [3]
    assert [(row["record"], row["rule"], row["message"]) for row in held.to_pylist()] == [
        (0, "unreadable", "the key is missing"),
        (2, "empty", "the record has no content"),
    ]


def test_an_empty_batch_gives_nothing(tmp_path):
    passed, held = step(objects(), two(tmp_path))
    assert passed == {}
    assert held.num_rows == 0


def test_columns_may_come_in_chunks_and_slices(tmp_path):
    batch = rows(
        *[[{"no": f"S{n}", "cur": "EUR"}, {"no": f"S{n}", "cur": "EUR"}] for n in range(9)]
    )
    chunked = pa.concat_tables([batch.slice(0, 4), batch.slice(4, 3)])
    passed, _ = step(chunked, two(tmp_path))
    assert passed["sales_order"].column("id").to_pylist() == [f"S{n}" for n in range(7)]
