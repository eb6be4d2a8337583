"""The files connector: only whole files are taken, none twice archived, none half written."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.files import Files
from crossdock.connector import Page, Parcel, World
from crossdock.errors import CrossdockError, Misconfigured
from crossdock.sandbox.partner import Partner
from tests.faults.catalogue import fault

from .conftest import START, Clock


def connect(world: World, path: Any, streams: dict[str, Any], **settings: Any) -> Files:
    files = Files(path=str(path), **settings)
    vars(files)["allow_private"] = True
    files.bind("till", world, {name: Files.stream(name, spec) for name, spec in streams.items()})
    return files


def put(folder: Path, name: str, data: bytes = b"a,b\n1,2\n", age: float = 60) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    moment = START.timestamp() - age
    os.utime(path, (moment, moment))
    return path


def read(files: Files, stream: str = "s") -> list[Page]:
    return list(files.read(files.reads()[stream], None))


def names(pages: list[Page]) -> list[str]:
    return [page.name for page in pages]


SPEC = {"s": {"key": "a"}}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@fault("F11")
def test_a_file_a_folder_and_a_pattern(world: World, inbox: Path, clock: Clock) -> None:
    for name in ("b.csv", "a.csv", "c.json", ".hidden.csv", "d.csv.part", "e.csv.gz"):
        put(inbox, name)
    (inbox / "dir.csv").mkdir()
    (inbox / "link.csv").symlink_to(inbox / "a.csv")
    assert names(read(connect(world, inbox / "a.csv", SPEC))) == ["a.csv"]
    assert names(read(connect(world, inbox / "*.csv", SPEC))) == ["a.csv", "b.csv"]
    pages = read(connect(world, inbox, SPEC))
    assert [(page.name, page.media) for page in pages] == [
        ("a.csv", "csv"),
        ("b.csv", "csv"),
        ("c.json", "json"),
        ("e.csv.gz", "csv.gz"),
    ]
    in_stream = connect(world, inbox, {"s": {"key": "a", "path": "b*", "media": "tsv"}})
    assert [(page.name, page.media) for page in read(in_stream)] == [("b.csv", "tsv")]
    assert clock.sleeps == []


def test_what_is_missing_is_said(world: World, inbox: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file"):
        read(connect(world, inbox / "a.csv", SPEC))
    with pytest.raises(Misconfigured, match="no such folder"):
        read(connect(world, tmp_path / "nowhere" / "*.csv", SPEC))
    assert read(connect(world, inbox / "*.csv", SPEC)) == []
    put(inbox, "a.dat")
    with pytest.raises(Misconfigured, match="media"):
        read(connect(world, inbox, SPEC))
    [check] = connect(world, inbox / "a.csv", SPEC).check()
    assert not check.ok
    [check] = connect(world, inbox, SPEC).check()
    assert (check.ok, check.detail) == (True, "1 files")


@fault("F01")
def test_a_young_file_is_looked_at_twice(
    world: World, inbox: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "old.csv")
    growing = put(inbox, "young.csv", age=0.5)
    assert names(read(connect(world, inbox, SPEC))) == ["old.csv", "young.csv"]
    assert clock.sleeps == [2.0]

    def sleep(seconds: float) -> None:
        growing.write_bytes(b"a,b\n1,2\n3,4\n")

    vars(clock)["sleep"] = sleep
    busy = World(project=world.project, scratch=world.scratch, now=lambda: START, sleep=sleep)
    assert names(read(connect(busy, inbox, SPEC))) == ["old.csv"]


@fault("F01")
def test_files_with_a_done_mark(world: World, inbox: Path, clock: Clock) -> None:
    put(inbox, "a.csv", age=0)
    put(inbox, "b.csv")
    put(inbox, "a.csv.done", b"", age=0)
    spec = {"s": {"key": "a", "done": ".done"}}
    assert names(read(connect(world, inbox / "*", spec))) == ["a.csv"]
    assert clock.sleeps == []


@fault("F04", "F07")
def test_archiving_keeps_what_was_changed_meanwhile(world: World, inbox: Path) -> None:
    files = connect(world, inbox, {"s": {"key": "a", "archive": "done"}})
    stream = files.reads()["s"]
    for _ in range(2):
        put(inbox, "a.csv")
        [page] = read(files)
        files.landed(stream, page)
        files.landed(stream, page)
    assert sorted(path.name for path in (inbox / "done").iterdir()) == ["a.csv", "a.csv.1"]
    put(inbox, "a.csv")
    [page] = read(files)
    put(inbox, "a.csv", b"a,b\n9,9\n", age=10)
    files.landed(stream, page)
    assert (inbox / "a.csv").read_bytes() == b"a,b\n9,9\n"


@fault("F10")
def test_odd_names_stop_nobody(world: World, inbox: Path) -> None:
    for raw in (b"caf\xe9.csv", b"a\nb.csv", b"good.csv"):
        with open(os.fsencode(inbox) + b"/" + raw, "wb") as file:  # noqa: PTH123
            file.write(b"a\n1\n")
    files = connect(world, inbox, {"s": {"key": "a", "archive": "done", "settle": 0}})
    pages = read(files)
    assert names(pages) == ["a\\x0ab.csv", "caf\\xe9.csv", "good.csv"]
    for page in pages:
        files.landed(files.reads()["s"], page)
    assert len(list((inbox / "done").iterdir())) == 3


@fault("F12")
def test_an_empty_file_is_unreadable_and_the_next_one_is_read(world: World, inbox: Path) -> None:
    put(inbox, "a.csv", b"")
    put(inbox, "b.csv")
    files = connect(world, inbox, SPEC)
    stream = files.reads()["s"]
    empty, good = read(files)
    with pytest.raises(CrossdockError, match="empty"):
        list(files.tables(stream, empty.media, empty.body))  # type: ignore[arg-type]
    table = pa.concat_tables(files.tables(stream, good.media, good.body))  # type: ignore[arg-type]
    assert table.num_rows == 1


@fault("F10")
def test_a_file_whose_name_leads_elsewhere_is_only_a_name(world: World, tmp_path: Path) -> None:
    with Partner(tmp_path / "partner") as partner:
        partner.drop("%2f..%2fpwned.csv", b"a\n1\n")
        partner.drop("a.csv", b"a\n2\n")
        url = f"sftp://{partner.host}:{partner.port}/out"
        login = {
            "user": partner.user,
            "password": partner.password,
            "host_key": partner.host_key,
        }
        spec = {"s": {"key": "a", "archive": "/archive"}}
        files = connect(world, url, spec, **login)
        pages = read(files)
        assert names(pages) == ["%2f..%2fpwned.csv", "a.csv"]
        for page in pages:
            assert isinstance(page.body, Path)
            assert page.temporary
            assert page.body.parent == world.scratch
            files.landed(files.reads()["s"], page)
        assert read(files) == []
        assert len(list((partner.root / "archive").iterdir())) == 2
        assert all(check.ok for check in files.check())
        files.close()


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with Partner(tmp_path / "partner") as running:
        yield running


def parcels(count: int = 3) -> list[Parcel]:
    return [
        Parcel(
            f"ref-{number}",
            f"A-{number}",
            "create",
            {
                "id": f"A-{number}",
                "total": Decimal("1.10"),
                "at": datetime(2026, 1, 2, tzinfo=UTC),
                "note": "=1+1; чай",
                "lines": [{"sku": "1", "price": Decimal("1.10")}],
            },
        )
        for number in range(count)
    ]


OUT = {"delivery": "upsert", "key": "id", "path": "out", "batch": 100, "reference": "ref"}


def test_documents_become_a_file_that_the_same_parcels_give_again(
    world: World, tmp_path: Path
) -> None:
    files = connect(world, tmp_path, {"s": OUT})
    stream = files.writes()["s"]
    for _ in range(2):
        outcomes = files.write(stream, parcels())
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
    [path] = (tmp_path / "out").iterdir()
    assert {outcome.their_id for outcome in outcomes} == {path.name}
    lines = [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]
    assert [line["ref"] for line in lines] == ["ref-0", "ref-1", "ref-2"]
    assert lines[0]["total"] == Decimal("1.10")
    assert '"total":1.10' in path.read_text()
    assert lines[0]["note"] == "=1+1; чай"


@fault("C15")
def test_a_csv_refuses_what_it_cannot_hold(world: World, tmp_path: Path) -> None:
    spec = {**OUT, "media": "csv", "fields": ["id", "total", "note"], "delimiter": ";"}
    files = connect(world, tmp_path, {"s": {**spec, "encoding": "latin-1"}})
    outcomes = files.write(files.writes()["s"], parcels(1))
    assert [(outcome.verdict, outcome.message) for outcome in outcomes] == [
        ("refused", "a letter is not in the encoding")
    ]
    files = connect(world, tmp_path, {"s": spec})
    assert files.write(files.writes()["s"], parcels(2))[0].verdict == "delivered"
    [path] = (tmp_path / "out").iterdir()
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows == [["id", "total", "note"], *(["A-" + n, "1.10", "=1+1; чай"] for n in "01")]
    files = connect(world, tmp_path, {"s": {**spec, "fields": ["lines"]}})
    assert "a list" in files.write(files.writes()["s"], parcels(1))[0].message
    gone = [Parcel("r", "k", "delete", {"id": "1"})]
    assert "deleted" in files.write(files.writes()["s"], gone)[0].message


def test_a_json_file_and_its_lookup(world: World, tmp_path: Path) -> None:
    spec = {
        "delivery": "lookup_before_create",
        "key": "id",
        "path": "out",
        "media": "json",
        "operation": "op",
    }
    files = connect(world, tmp_path, {"s": spec})
    stream = files.writes()["s"]
    (tmp_path / "out").mkdir()
    first, second = parcels(2)
    files.write(stream, [first])
    found = files.lookup(stream, [first, second])
    assert found["ref-0"] is not None
    assert found["ref-1"] is None
    [path] = (tmp_path / "out").iterdir()
    assert json.loads(path.read_text())[0]["op"] == "create"


def test_documents_are_left_at_a_partner(world: World, partner: Partner) -> None:
    files = connect(
        world,
        f"sftp://{partner.user}@{partner.host}:{partner.port}",
        {"s": {**OUT, "path": "in"}},
        password=partner.password,
        host_key=partner.host_key,
    )
    [outcome] = files.write(files.writes()["s"], parcels(1))
    assert list(partner.received()) == [outcome.their_id]
    files.close()


@pytest.mark.parametrize(
    "spec",
    [
        {**OUT, "media": "xml"},
        {**OUT, "media": "csv"},
        {**OUT, "delivery": "lookup_before_create"},
    ],
)
def test_targets_that_cannot_work(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Files.stream("s", spec)
