"""What the libraries do by themselves, and what our doors make of it.

Each test shows the library first: when a release of it behaves otherwise, the test says so and the
door may become simpler.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
import requests
import urllib3
from openpyxl import Workbook
from pydifact.segmentcollection import Interchange
from zeep.transports import Transport

from crossdock import json as strict
from crossdock.connector import Reads, World
from crossdock.convert.times import instant
from crossdock.edi.reader import envelopes, read
from crossdock.egress import Egress
from crossdock.errors import TryLater, Unreadable
from crossdock.exchange import NoAnswer, Request
from crossdock.formats import tables
from crossdock.http import HttpSession
from crossdock.retry import ONCE
from crossdock.soap import service
from tests.faults.catalogue import fault
from tests.wire.conftest import Heard, answer

ROWS = "".join(json.dumps({"id": number}) + "\n" for number in range(5000)).encode()
ORDERS = Path(__file__).parents[2] / "edi" / "samples" / "orders_d96a.edi"
Serve = Callable[..., Any]


def ours(world: World, url: str, **given: Any) -> Any:
    """Ask through our door."""
    session = HttpSession(world, Egress(allow_private=True), patience=ONCE)
    try:
        return session.send(Request("GET", url, **given))
    finally:
        session.close()


def theirs(url: str, **given: Any) -> requests.Response:
    """Ask as anybody would."""
    with requests.Session() as session:
        return session.get(url, **{"timeout": 10, **given})


def cells(folder: Path, data: bytes, media: str, **options: Any) -> list[dict[str, Any]]:
    """Read a file through our door; the good rows."""
    body = folder / "body"
    body.write_bytes(data)
    stream = Reads(name="stock", key=(), media=media, options=options)
    rows = pa.concat_tables(tables(stream, media, body)).to_pylist()
    return [row for row in rows if row["_fault"] is None]


@fault("L01")
def test_requests_takes_a_cut_body_without_a_length(world: World, serve: Serve) -> None:
    server = serve(lambda heard: answer(ROWS[:1000], length=False))
    assert theirs(server.url).status_code == 200
    assert ours(world, server.url).whole is False
    with pytest.raises(TryLater):
        ours(world, server.url).document()


@fault("L02")
def test_requests_takes_half_of_a_gzip_stream(world: World, serve: Serve) -> None:
    packed = gzip.compress(ROWS)
    for data in (packed[: len(packed) * 3 // 4], packed[:-8]):
        half = answer(data, length=False, Content_Encoding="gzip")
        server = serve(lambda heard, half=half: half)
        found = theirs(server.url)
        assert found.status_code == 200
        assert 0 < len(found.content) <= len(ROWS)
        with pytest.raises(NoAnswer):
            ours(world, server.url)


@fault("L03")
def test_a_timeout_of_requests_is_one_of_pauses(world: World, serve: Serve) -> None:
    def drip(heard: Heard) -> None:
        heard.send(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n")
        for _ in range(30):
            time.sleep(0.03)
            heard.send(b"x")

    server = serve(drip)
    start = time.monotonic()
    assert theirs(server.url, timeout=0.3).content == b"x" * 30
    assert time.monotonic() - start > 0.6, "the timeout has become one of the whole call"
    with pytest.raises(NoAnswer, match="within"):
        ours(world, server.url, deadline=0.3)


@fault("L03")
def test_zeep_has_no_deadline_and_our_door_no_transport_of_zeep() -> None:
    assert Transport().operation_timeout is None
    assert "Transport(" not in Path(service.__file__).read_text("utf-8").replace("_Transport(", "")


@fault("L04")
def test_urllib3_stumbles_over_retry_after(world: World, serve: Serve) -> None:
    waits = urllib3.Retry()
    with pytest.raises(urllib3.exceptions.InvalidHeader):
        waits.parse_retry_after("soon")
    assert waits.parse_retry_after("1000000000") >= 21_600
    for value, expected in (("soon", None), ("-1", None), ("1000000000", 86_400.0)):
        server = serve(lambda heard, value=value: answer("{}", 429, Retry_After=value))
        with pytest.raises(TryLater) as caught:
            ours(world, server.url)
        assert caught.value.after == expected


@fault("L05", "C01", "C05")
def test_pandas_guesses_what_a_csv_file_means(tmp_path: Path) -> None:
    data = b"sku,country,brand,n\n00123,NA,None,9007199254740993\n1E5,null,x,\n"
    frame = pd.read_csv(io.BytesIO(data))
    assert frame["sku"].tolist() == [123.0, 100000.0]
    assert frame["country"].isna().all()
    assert frame["n"][0] == 9007199254740992.0
    assert [list(row.values())[:4] for row in cells(tmp_path, data, "csv")] == [
        ["00123", "NA", "None", "9007199254740993"],
        ["1E5", "null", "x", ""],
    ]


@fault("L06", "C01")
def test_pandas_guesses_what_a_workbook_means(tmp_path: Path) -> None:
    book = Workbook()
    for row in (["sku", "gtin"], ["00123", 8712345678906], ["1E5", "8.71235E+12"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "a.xlsx")
    assert pd.read_excel(tmp_path / "a.xlsx")["sku"].tolist() == [123.0, 100000.0]
    rows = cells(tmp_path, (tmp_path / "a.xlsx").read_bytes(), "xlsx")
    assert [(row["sku"], row["gtin"]) for row in rows] == [
        ("00123", "8712345678906"),
        ("1E5", "8.71235E+12"),
    ]


@fault("L07")
def test_csv_keeps_the_byte_order_mark(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfsku,n\n1,2\n"
    assert next(csv.DictReader(io.StringIO(data.decode()))).keys() == {"\ufeffsku", "n"}
    assert cells(tmp_path, data, "csv")[0]["sku"] == "1"


DAMAGED = [
    (b"UNZ+2+", b"UNZ+9+"),
    (b"UNZ+2+00000000000041", b"UNZ+2+00000000000099"),
    (b"UNT+22+1'", b"UNT+99+1'"),
    (b"UNT+22+1'", b"UNT+22+9'"),
    (b"UNZ+2+00000000000041'", b""),
]


@pytest.mark.filterwarnings("ignore:segments.xml")
@fault("L08", "E03")
@pytest.mark.parametrize(("old", "new"), DAMAGED)
def test_pydifact_takes_a_damaged_envelope(old: bytes, new: bytes) -> None:
    data = ORDERS.read_bytes()
    assert old in data
    data = data.replace(old, new)
    assert list(Interchange.from_str(data.decode("latin-1")).get_messages())
    assert any(item.findings for item in read(data))


@pytest.mark.filterwarnings("ignore:segments.xml")
@fault("L09", "E08")
def test_pydifact_reads_everything_as_latin_1(tmp_path: Path) -> None:
    wire = "UNB+UNOE:3+S+R+260901:0930+7'UNH+1+X:D:96A:UN'FTX+AAI+++Привет'UNT+3+1'UNZ+1+7'"
    (tmp_path / "a.edi").write_bytes(wire.encode("iso8859-5"))
    (message,) = Interchange.from_file(str(tmp_path / "a.edi")).get_messages()
    assert "Привет" not in str(message.segments[0].elements)
    (one, _) = read(wire.encode("iso8859-5"))
    assert one.parsed[1][4] == ["Привет"]  # type: ignore[union-attr]


@fault("L10")
@pytest.mark.parametrize(
    "data", [b"", b"UNA:+.? '", b"UNB+UNOA", b"UNB'UNZ'", b"UNH+1'", b"\0\xff"]
)
def test_pydifact_throws_anything(data: bytes) -> None:
    try:
        list(Interchange.from_str(data.decode("latin-1")).get_messages())
        kind = "none"
    except Exception as error:  # noqa: BLE001 - which one it is, is the point
        kind = type(error).__name__
    assert data or kind == "StopIteration", "pydifact has an error of its own for nothing by now"
    with contextlib.suppress(Unreadable):
        assert all(one.rejected for one in envelopes(data))


@fault("L11", "C12", "M01")
def test_json_takes_what_is_no_json_and_makes_floats() -> None:
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}
    assert json.loads("NaN") != json.loads("NaN")
    assert json.loads("1.10") * 3 != 3.3
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)
    with pytest.raises(ValueError, match="digits"):
        json.loads("9" * 5000)
    for text in ('{"a": 1, "a": 2}', "NaN", "[" * 100_000, "9" * 5000, '{"a": Infinity}'):
        with pytest.raises(Unreadable):
            strict.loads(text)
    assert str(strict.loads('{"price": 1.10}')["price"]) == "1.10"


@fault("L12", "E08", "E09")
def test_single_byte_encodings_read_anything(tmp_path: Path) -> None:
    words = "Товар чай чёрный крупный лист цена высокая доставка почта"
    raw = words.encode("windows-1251")
    assert raw.decode("latin-1") != words
    assert raw.decode("iso8859-5") != words
    with pytest.raises(UnicodeDecodeError):
        "茶𠀀".encode("gb18030").decode("gbk")
    data = b"n,t\n" + b"".join(b"%d," % n + raw + b"\n" for n in range(20))
    with pytest.raises(Unreadable, match="look like"):
        cells(tmp_path, data, "csv", encoding="latin-1")
    assert cells(tmp_path, data, "csv", encoding="windows-1251")[3]["t"] == words


@fault("L13", "M12")
def test_zoneinfo_answers_for_hours_that_are_two_or_none() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    twice = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    never = datetime(2026, 3, 29, 2, 30, tzinfo=berlin)
    assert twice.utcoffset() != twice.replace(fold=1).utcoffset()
    assert never.astimezone(UTC).astimezone(berlin).hour == 3
    for text, words in (("2026-10-25T02:30:00", "twice"), ("2026-03-29T02:30:00", "never")):
        with pytest.raises(ValueError, match=words):
            instant(text, zone="Europe/Berlin")
