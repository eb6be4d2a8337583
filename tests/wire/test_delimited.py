"""Delimited text: every cell stays text, every bad row is kept, no file is half read."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.connector import Reads
from crossdock.errors import Misconfigured, Unreadable
from crossdock.formats import tables
from tests.faults.catalogue import fault

RETAIL = os.environ.get("ONLINE_RETAIL")


def read(folder: Path, data: bytes, media: str = "csv", **options: Any) -> pa.Table:
    body = folder / "body"
    body.write_bytes(data)
    stream = Reads(name="stock", key=(), media=media, options=options)
    return pa.concat_tables(tables(stream, media, body))


def good(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if not name.startswith("_")}
        for row in table.to_pylist()
        if row["_fault"] is None
    ]


def bad(table: pa.Table) -> list[tuple[int, str, str]]:
    rows = [row for row in table.to_pylist() if row["_fault"] is not None]
    return [(row["position"], row["_fault"], row["_raw"]) for row in rows]


@fault("L05", "C01", "C05")
def test_nothing_is_inferred(tmp_path: Path) -> None:
    data = b"sku,qty,brand\n00123,1E5,NA\n9007199254740993,,None\nnull,8.71235E+12,-\n"
    table = read(tmp_path, data)
    assert [list(row.values())[:3] for row in table.to_pylist()] == [
        ["00123", "1E5", "NA"],
        ["9007199254740993", "", "None"],
        ["null", "8.71235E+12", "-"],
    ]
    assert table.schema.field("sku").type == pa.string()
    assert table["position"].to_pylist() == [2, 3, 4]


@fault("L07")
def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert good(read(tmp_path, b"\xef\xbb\xbfsku\n1\n"))[0]["sku"] == "1"
    assert good(read(tmp_path, "sku\n1\n".encode("utf-16"), encoding="utf-16"))[0]["sku"] == "1"


@fault("E09", "F20")
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "编号,名称\n1,茶叶𠀀\n"),
        ("windows-1251", "код,имя\n1,Чай чёрный\n"),
        ("utf-16-le", "код,имя\n1,Чай\n"),
        ("utf-16", "编号,名称\n1,茶叶\n"),
        ("windows-1252", "sku,name\n1,5 € “tea”\n"),
        ("cp037", "sku,name\n1,tea\n"),
    ],
)
def test_declared_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    rows = good(read(tmp_path, text.encode(encoding), encoding=encoding))
    expected = next(iter(csv.DictReader(io.StringIO(text))))
    assert rows == [{**expected, "position": 2}]


@fault("E09")
def test_a_row_in_another_encoding_is_held_and_the_others_go_on(tmp_path: Path) -> None:
    data = "sku,name\n1,Müller\n".encode() + "2,Чай\n".encode("cp1251") + b"3,tea\n"
    table = read(tmp_path, data)
    assert [row["sku"] for row in good(table)] == ["1", "3"]
    [(position, fault, raw)] = bad(table)
    assert position == 3
    assert "not utf-8" in fault
    assert bytes.fromhex(raw.removeprefix("hex:")) == "2,Чай".encode("cp1251")


RUSSIAN = "".join(
    f"{number},Товар чай чёрный крупный лист цена высокая доставка почта\n" for number in range(30)
)
GERMAN = "".join(f"{n},Müller Größe Straße für Übung Öl Käse schön\n" for n in range(30))


@fault("L12", "E08")
@pytest.mark.parametrize(
    ("text", "really", "declared"),
    [
        (RUSSIAN, "windows-1251", "latin-1"),
        (RUSSIAN, "windows-1251", "iso8859-5"),
        (RUSSIAN, "windows-1251", "koi8-r"),
        (RUSSIAN, "koi8-r", "windows-1251"),
        (RUSSIAN, "utf-8", "windows-1251"),
        (RUSSIAN, "utf-8", "latin-1"),
        (RUSSIAN, "windows-1251", "utf-8"),
        (RUSSIAN, "cp866", "windows-1251"),
        (GERMAN, "utf-8", "windows-1252"),
        (GERMAN, "latin-1", "utf-8"),
        (GERMAN, "latin-1", "windows-1251"),
    ],
)
def test_a_wrong_encoding_is_doubted(tmp_path: Path, text: str, really: str, declared: str) -> None:
    with pytest.raises(Unreadable, match=r"look like|most of the rows"):
        read(tmp_path, ("sku,name\n" + text).encode(really), encoding=declared)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "utf-8"),
        (GERMAN, "latin-1"),
        (GERMAN, "windows-1252"),
        ("1,ТОВАР ЧАЙ ЧЁРНЫЙ КРУПНЫЙ ЛИСТ\n" * 30, "windows-1251"),
        ("1,Їжак єнот ґава Київ місто\n" * 30, "windows-1251"),
        ("1,Ђорђе Љиљана Џем Ћевапи ћуран\n" * 30, "windows-1251"),
        ("1,żółć gęślą jaźń święta źdźbło\n" * 30, "iso8859-2"),
        ("1,茶叶 绿茶 红茶 价格 数量\n" * 30, "gb18030"),
        ("1,Ελλάδα τσάι ποιότητα τιμή\n" * 30, "windows-1253"),
        ("1,Điện thoại đắt tiền quá trời\n" * 30, "utf-8"),
    ],
)
def test_a_right_encoding_is_not_doubted(tmp_path: Path, text: str, encoding: str) -> None:
    table = read(tmp_path, ("sku,name\n" + text).encode(encoding), encoding=encoding)
    assert table.num_rows == 30
    assert not bad(table)


@fault("L12")
def test_a_euro_sign_of_windows_is_a_control_character_in_latin_1(tmp_path: Path) -> None:
    table = read(tmp_path, b"sku,name\n1,5 \x80\n2,tea\n", encoding="latin-1")
    assert [row["sku"] for row in good(table)] == ["2"]
    assert "U+0080" in bad(table)[0][1]


@fault("C09")
def test_ragged_rows_are_kept_with_their_text(tmp_path: Path) -> None:
    data = b"a,b\n1,2\n3\n4,5\n6,7,8\n\n9,10\n11\n"
    table = read(tmp_path, data)
    assert [(row["a"], row["position"]) for row in good(table)] == [("1", 2), ("4", 4), ("9", 7)]
    assert bad(table) == [
        (3, "the row has 1 fields, the header 2", "3"),
        (5, "the row has 3 fields, the header 2", "6,7,8"),
        (8, "the row has 1 fields, the header 2", "11"),
    ]


def test_lines_are_physical_also_after_breaks_inside_of_values(tmp_path: Path) -> None:
    data = b'a,b\r\n1,"x\r\ny\nz"\r\n2,3\r\n"4\n5"\r\n6,7\r\n'
    table = read(tmp_path, data)
    assert [(row["b"], row["position"]) for row in good(table)] == [
        ("x\r\ny\nz", 2),
        ("3", 5),
        ("7", 8),
    ]
    assert [position for position, _, _ in bad(table)] == [6]


@fault("E10")
def test_a_control_character_holds_its_row_only(tmp_path: Path) -> None:
    table = read(tmp_path, b'a,b\n1,"x\n\0y"\n2,3\n')
    assert [row["a"] for row in good(table)] == ["2"]
    assert bad(table)[0][:2] == (2, "the row has the control character U+0000")


@fault("C07")
def test_a_quote_that_never_closes_is_found_where_it_opened(tmp_path: Path) -> None:
    rows = b"".join(b"%d,tea\n" % number for number in range(1000))
    with pytest.raises(Unreadable, match=r"never closed \(stock:1002\)"):
        read(tmp_path, b"a,b\n" + rows + b'1000,"tea\n' + rows)
    with pytest.raises(Unreadable, match=r"closes in the middle of a value in line 6 .*stock:3"):
        read(tmp_path, b'a,b\n1,2\n3,"b\n4,5\n6,7\n7,"f\n8,9\n')


def test_quotes_inside_of_values(tmp_path: Path) -> None:
    table = read(tmp_path, b'a,b\n5" pipe,1\n"6"" pipe",2\n"7" pipe,3\n"8","4"\n"",5\n')
    assert [row["a"] for row in good(table)] == ['5" pipe', '6" pipe', "8", ""]
    assert bad(table)[0][:2] == (4, "text follows the closing quote of a value")


def test_without_quoting_a_quote_is_a_letter(tmp_path: Path) -> None:
    table = read(tmp_path, b'a\tb\n"x\t1\n', media="tsv", quote=False)
    assert good(table) == [{"a": '"x', "b": "1", "position": 2}]


@fault("C07", "C08")
@pytest.mark.parametrize(
    ("head", "options", "words"),
    [
        (b"sku,Country", {"columns": ["sku", "country"]}, "'country' is missing.*'Country'"),
        (b"sku,Land", {"columns": ["sku", "name", "qty"]}, "'name', 'qty' are missing"),
        (b"sku,sku", {}, "stands twice"),
        (b"sku,", {}, "column 2 has no name"),
        (b"sku,position", {}, "a name of ours"),
        (b"sku;name", {}, "delimiter: ';'"),
        (b"", {"skip": 3}, "no header"),
    ],
)
def test_a_header_that_cannot_be_right(
    tmp_path: Path, head: bytes, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        read(tmp_path, head + b"\n1,2\n", **options)


@fault("C08")
def test_order_of_columns_and_new_columns_do_not_matter(tmp_path: Path) -> None:
    table = read(tmp_path, b"new,qty,sku\nx,1,2\n", columns=["sku", "qty"])
    assert good(table) == [{"new": "x", "qty": "1", "sku": "2", "position": 2}]


def test_names_may_be_declared(tmp_path: Path) -> None:
    table = read(tmp_path, b"Stock list\nnr;n\n1;2\n", header=["a", "b"], skip=2, delimiter=";")
    assert good(table) == [{"a": "1", "b": "2", "position": 3}]


@fault("F20")
def test_old_line_ends(tmp_path: Path) -> None:
    assert [row["a"] for row in good(read(tmp_path, b"a,b\r1,2\r3,4\r"))] == ["1", "3"]


@fault("F12")
def test_an_empty_file_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="empty"):
        read(tmp_path, b"")
    assert read(tmp_path, b"a,b\n").num_rows == 0


@pytest.mark.parametrize("options", [{"encoding": "klingon"}, {"delimiter": "::"}])
def test_wrong_options_stop_the_flow(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        read(tmp_path, b"a,b\n1,2\n", **options)


def test_rows_over_the_edges_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossdock.formats.decoding.BLOCK", 64)
    lines = [f'{number},"x\n{number}"' for number in range(500)]
    lines[100] = "100"
    lines[200] = "200,\0"
    lines[300] = '300,"a"b'
    table = read(tmp_path, ("a,b\n" + "\n".join(lines) + "\n").encode())
    assert [int(row["a"]) for row in good(table)] == [
        number for number in range(500) if number not in {100, 200, 300}
    ]
    assert [position for position, _, _ in bad(table)] == [202, 401, 600]
    positions = {row["a"]: row["position"] for row in good(table)}
    assert (positions["99"], positions["101"], positions["499"]) == (200, 203, 997)


LEFT = """
import sys
from pathlib import Path
from crossdock.connector import Reads
from crossdock.formats import tables
rows = b"".join(b"%d,tea\\n" % number for number in range(2_000_000))
whole, broken = Path(sys.argv[1]) / "whole", Path(sys.argv[1]) / "broken"
whole.write_bytes(b"a,b\\n" + rows)
broken.write_bytes(b"a,b\\n" + rows + b'"')
stream = Reads(name="s", key=())
for _ in range(3):
    for body in (whole, broken):
        found = tables(stream, "csv", body)
        next(found)
        found.close()
"""


def test_files_that_are_left_in_the_middle_leave_no_thread_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LEFT, str(tmp_path)], timeout=60, check=False)
    assert done.returncode == 0


cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], include_characters='\n"'),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=20))
def test_what_csv_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b"), *rows])
    table = read(tmp_path_factory.mktemp("csv"), out.getvalue().encode())
    kept = [(row["a"], row["b"]) for row in good(table)]
    assert kept == [row for row in rows if any(row)]
    assert not bad(table)


def test_every_cut_of_a_file_loses_no_whole_row(tmp_path: Path) -> None:
    data = 'sku,name\n1,"Tee, grün"\n2,"a\nb"\n3,x\n'.encode()
    whole = [row["sku"] for row in good(read(tmp_path, data))]
    for end in range(9, len(data)):
        try:
            table = read(tmp_path, data[:end])
        except Unreadable:
            continue
        kept = [row["sku"] for row in good(table)]
        assert kept == whole[: len(kept)]


@pytest.mark.skipif(not RETAIL, reason="ONLINE_RETAIL is not set")
def test_the_retail_file_is_the_same_as_csv_and_as_parquet(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(str(RETAIL))
    texts = pd.DataFrame(
        {
            name: frame[name].map(_shortest, na_action="ignore").fillna("")
            if frame[name].dtype == "float64"
            else frame[name]
            for name in frame
        }
    )
    texts.to_csv(tmp_path / "retail.csv", index=False)
    stream = Reads(name="sales", key=("InvoiceNo",), media="csv")
    csv_rows = pa.concat_tables(tables(stream, "csv", tmp_path / "retail.csv"))
    parquet_rows = pa.concat_tables(tables(stream, "parquet", Path(str(RETAIL))))
    fields = [name for name in csv_rows.column_names if name != "position"]
    assert csv_rows.num_rows == 541_909
    assert csv_rows.select(fields).combine_chunks() == parquet_rows.select(fields).combine_chunks()


def _shortest(value: float) -> str:
    return repr(value).removesuffix(".0")


@pytest.mark.skipif(not RETAIL, reason="ONLINE_RETAIL is not set")
def test_the_retail_file_is_read_fast(tmp_path: Path) -> None:
    import pandas as pd

    pd.read_parquet(str(RETAIL)).to_csv(tmp_path / "retail.csv", index=False)
    stream = Reads(name="sales", key=("InvoiceNo",), media="csv")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        rows = sum(table.num_rows for table in tables(stream, "csv", tmp_path / "retail.csv"))
        times.append(time.perf_counter() - start)
    assert rows == 541_909
    assert min(times) < 1.5  # 0.16 s on two quiet cores
