"""Canonical JSON: the very form, every trap of Arrow's layout, and the way back."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock import documents
from crossdock.errors import Misconfigured, Unreadable
from crossdock.model import ENTITIES, Field, entity

MONEY = pa.decimal128(18, 6)
MOMENT = pa.timestamp("us", "UTC")


def one(name: str, value: Any, kind: pa.DataType) -> str:
    return documents.to_json(pa.table({name: pa.array([value], kind)}))[0].as_py()


def test_keys_are_sorted_nulls_left_out_and_record_is_no_part() -> None:
    table = pa.table(
        {
            "record": pa.array([7, 8], pa.int32()),
            "_reference": ["x", "y"],
            "b": ["1", None],
            "a": pa.array([None, Decimal("2.55")], MONEY),
        }
    )
    assert documents.to_json(table).to_pylist() == ['{"b":"1"}', '{"a":"2.55"}']


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("6", "6"),
        ("100", "100"),
        ("-0.5", "-0.5"),
        ("2.550000", "2.55"),
        ("0.000001", "0.000001"),
        ("-0.000001", "-0.000001"),
        ("999999999999.999999", "999999999999.999999"),
    ],
)
def test_decimals_are_plain_and_short(text: str, written: str) -> None:
    assert one("v", Decimal(text), MONEY) == f'{{"v":"{written}"}}'


@pytest.mark.parametrize(
    ("text", "scale", "written"),
    [("1E-9", 12, "0.000000001"), ("0", 12, "0"), ("12", 0, "12"), ("1200", -2, "1200")],
)
def test_decimals_of_any_scale_have_no_exponent(text: str, scale: int, written: str) -> None:
    assert one("v", Decimal(text), pa.decimal128(20, scale)) == f'{{"v":"{written}"}}'


def test_time_is_utc_with_a_fraction_only_where_there_is_one() -> None:
    plain = dt.datetime(2010, 12, 1, 8, 26, tzinfo=dt.UTC)
    assert one("t", plain, MOMENT) == '{"t":"2010-12-01T08:26:00Z"}'
    assert one("t", plain, pa.timestamp("s", "Europe/Moscow")) == '{"t":"2010-12-01T08:26:00Z"}'
    assert one("t", plain.replace(microsecond=5), MOMENT) == '{"t":"2010-12-01T08:26:00.000005Z"}'
    assert one("d", dt.date(2010, 2, 1), pa.date32()) == '{"d":"2010-02-01"}'


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "\\",
        '\\"',
        "\n\r\t\b\f",
        "\x00",
        "a\x1fb",
        "\x7f",
        "😀 Żółw",
        "</script>",
        "",
        "\u2028",
    ],
)
def test_text_is_escaped_as_rfc_8785_says(text: str) -> None:
    written = one("t", text, pa.string())
    assert json.loads(written) == {"t": text}
    assert written == json.dumps({"t": text}, ensure_ascii=False, separators=(",", ":"))


def test_keys_sort_by_utf_16_code_units() -> None:
    table = pa.table({"\ufb33": ["1"], "😀": ["2"], 'q"': ["3"]})
    assert documents.to_json(table)[0].as_py() == '{"q\\"":"3","😀":"2","\ufb33":"1"}'


def test_null_lists_are_left_out_and_empty_ones_stay() -> None:
    kind = pa.list_(pa.struct([("b", pa.string()), ("a", pa.int64())]))
    lists = pa.array([[{"b": "x", "a": 1}, {"b": None, "a": None}], [], None, [{"b": "y"}]], kind)
    assert documents.to_json(pa.table({"lines": lists})).to_pylist() == [
        '{"lines":[{"a":1,"b":"x"},{}]}',
        '{"lines":[]}',
        "{}",
        '{"lines":[{"b":"y"}]}',
    ]


def test_nested_tables_of_targets() -> None:
    rows = [
        {"customer": {"city": "Leeds", "tags": ["a", None, "b"]}, "ok": True, "n": -3},
        {"customer": None, "ok": False, "n": 0},
        {"customer": {"city": None, "tags": []}, "ok": None, "n": None},
    ]
    kind = pa.struct([("city", pa.string()), ("tags", pa.list_(pa.string()))])
    table = pa.table(
        {
            "customer": pa.array([row["customer"] for row in rows], kind),
            "ok": pa.array([row["ok"] for row in rows]),
            "n": pa.array([row["n"] for row in rows], pa.int64()),
        }
    )
    assert documents.to_json(table).to_pylist() == [
        '{"customer":{"city":"Leeds","tags":["a",null,"b"]},"n":-3,"ok":true}',
        '{"n":0,"ok":false}',
        '{"customer":{"tags":[]}}',
    ]


def test_lists_of_lists_and_null_structs_in_lists() -> None:
    deep = pa.array([[[1, 2], [], None], None, [[3]]], pa.list_(pa.list_(pa.int64())))
    parts = pa.array([[None, {"x": "1"}], [None], []], pa.list_(pa.struct([("x", pa.string())])))
    assert documents.to_json(pa.table({"d": deep, "p": parts})).to_pylist() == [
        '{"d":[[1,2],[],null],"p":[null,{"x":"1"}]}',
        '{"p":[null]}',
        '{"d":[[3]],"p":[]}',
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.5]),
        pa.array([dt.datetime(2010, 1, 1)]),  # noqa: DTZ001 - a naive time is what is refused
        pa.array([b"x"]),
        pa.array([[{"deep": 2.5}]]),
    ],
)
def test_floats_naive_times_and_bytes_are_refused_by_name(column: pa.Array) -> None:
    with pytest.raises(Misconfigured, match="column 'price"):
        documents.to_json(pa.table({"price": column}))


def test_nanoseconds_are_refused() -> None:
    with pytest.raises(Misconfigured, match="finer than a microsecond"):
        documents.to_json(pa.table({"t": pa.array([1], pa.timestamp("ns", "UTC"))}))


def test_slices_and_chunks_give_the_same_texts() -> None:
    kind = pa.list_(pa.struct([("a", pa.string()), ("n", MONEY)]))
    lists = [[{"a": str(i), "n": Decimal(i)}] * (i % 4) if i % 5 else None for i in range(40)]
    whole = pa.table({"id": [str(i) for i in range(40)], "lines": pa.array(lists, kind)})
    texts = documents.to_json(whole).to_pylist()
    assert documents.to_json(whole.slice(7, 20)).to_pylist() == texts[7:27]
    cut = pa.concat_tables([whole.slice(3, 5), whole.slice(8, 1), whole.slice(9, 30)])
    assert documents.to_json(cut).to_pylist() == texts[3:39]
    coded = whole.set_column(0, "id", whole["id"].dictionary_encode())
    assert documents.to_json(coded).to_pylist() == texts


def test_many_blocks_give_the_same_texts_as_one() -> None:
    n = 70_000
    kind = pa.list_(pa.struct([("a", pa.string())]))
    lists = pa.array([[{"a": "x"}] * (i % 3) for i in range(n)], kind)
    table = pa.table({"id": pa.array(range(n)), "lines": lists})
    texts = documents.to_json(table)
    assert len(texts) == n
    texts.validate(full=True)
    for i in (0, 1, 32_767, 32_768, n - 1):
        parts = ",".join(['{"a":"x"}'] * (i % 3))
        assert texts[i].as_py() == f'{{"id":{i},"lines":[{parts}]}}'


def test_nothing_gives_nothing() -> None:
    table = entity("invoice").empty()
    texts = documents.to_json(table)
    assert len(texts) == 0
    assert len(documents.hashes(texts)) == 0
    assert len(documents.decompress(documents.compress(texts))) == 0
    assert documents.from_json(texts, "invoice").equals(table)
    assert documents.to_json(entity("invoice").empty(2)).to_pylist() == ["{}", "{}"]


def test_hashes_are_sha_256_of_the_bytes_also_of_a_slice() -> None:
    texts = pa.array(["", "a", "żółw 😀"], pa.large_string())
    wanted = [hashlib.sha256(text.encode()).digest() for text in texts.to_pylist()]
    found = documents.hashes(texts)
    assert found.type == pa.binary(32)
    assert found.to_pylist() == wanted
    assert documents.hashes(texts.slice(1)).to_pylist() == wanted[1:]
    with pytest.raises(Misconfigured):
        documents.hashes(pa.array(["a", None], pa.large_string()))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_791, 65_792, 70_000, 2_000_000])
def test_compression_comes_back_at_every_size_of_header(size: int) -> None:
    texts = pa.array(["x" * size, "y"], pa.large_string())
    frames = documents.compress(texts)
    assert documents.decompress(frames).equals(texts)
    assert documents.decompress(frames.slice(1)).to_pylist() == ["y"]


@pytest.mark.parametrize("frame", [b"", b"junk junk junk", b"\x28\xb5\x2f\xfd\x20\x05abc"])
def test_broken_frames_are_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        documents.decompress(pa.array([frame], pa.large_binary()))


@pytest.mark.parametrize(
    "text",
    [
        '{"nonsense":"1"}',
        '{"total_amount":"2.5500001"}',
        '{"id":5}',
        '{"issued_at":"yesterday"}',
        '{"due_at":"32 December"}',
        "{",
        "",
    ],
)
def test_texts_that_do_not_fit_are_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        documents.from_json(pa.array([text], pa.large_string()), "invoice")


# -- the way back, over all entities --------------------------------------------------------------
def values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "children":
        return st.none() | st.lists(rows(field.fields), max_size=3)
    kind = field.kind
    if kind in {"amount", "price", "quantity", "percent"}:
        limit = Decimal("999999999999.999999")
        found: Any = st.decimals(-limit, limit, allow_nan=False, places=6)
    elif kind == "instant":
        found = st.datetimes(timezones=st.just(dt.UTC))
    elif kind == "date":
        found = st.dates()
    elif kind == "flag":
        found = st.booleans()
    elif kind == "whole":
        found = st.integers(-(2**63), 2**63 - 1)
    else:
        found = st.text(st.characters(codec="utf-8"), max_size=6)
    return st.none() | found


def rows(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(fields), max_size=6, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({field.name: values(field) for field in chosen})
    )


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_documents_come_back_exactly(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(ENTITIES.values())))
    table = pa.Table.from_pylist(
        data.draw(st.lists(rows(kind.fields), min_size=1, max_size=4)), schema=kind.arrow
    )
    texts = documents.to_json(table)
    texts.validate(full=True)
    assert documents.from_json(texts, kind).equals(table)
    for text in texts.to_pylist():
        plain = json.loads(text)
        spelled = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert spelled == text
