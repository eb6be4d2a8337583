"""Files on the way: resent, renamed, on servers that are full, slow, wrong or odd."""

from __future__ import annotations

import os
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors.files import Files
from crossdock.connector import Parcel, Reads, World
from crossdock.egress import Egress
from crossdock.errors import CrossdockError, Misconfigured, TryLater
from crossdock.formats import tables
from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.partner import Partner
from crossdock.sftp import Login, Sftp
from crossdock.store import schema
from tests.engine.project import Project
from tests.faults.catalogue import fault
from tests.wire.conftest import START, Clock

DROP = """\
connector: files
settings:
  path: sftp://127.0.0.1:{port}/out
  user: partner
  password: {{env: PARTNER_PASSWORD}}
  host_key: {key}
allow_private: true
streams:
  wares: {{media: csv, key: sku, archive: /archive}}
"""
FLOW = """\
organisation: tiny
shop: web
expect_at_least: 0%
legs:
  - pull: shop.wares
    map: [shop/ware]
push:
  - {to: depot.products, entity: product, map: depot/product}
"""
HEAD = "sku,name,text,brand,updated\n"


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with Partner(tmp_path / "partner") as running:
        yield running


@pytest.fixture
def fed(lite: Project, partner: Partner, still: Clock, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project with products that a partner leaves on a server."""
    monkeypatch.setenv("PARTNER_PASSWORD", partner.password)
    lite.write("config/systems/shop.yaml", DROP.format(port=partner.port, key=partner.host_key))
    lite.write("config/flows/wares.yaml", FLOW)
    return lite


@pytest.fixture
def sftp(world: World, partner: Partner) -> Iterator[Sftp]:
    login = Login(
        host=partner.host,
        port=partner.port,
        user=partner.user,
        password=partner.password,
        host_key=partner.host_key,
    )
    connection = Sftp(world, Egress(allow_private=True), login)
    yield connection
    connection.close()


def ware(sku: str, name: str) -> bytes:
    """One row of a catalogue."""
    return f"{HEAD}{sku},{name},,,\n".encode()


def names(project: Project) -> dict[str, str]:
    """What the depot has: number and name of each product."""
    return {row[0]: row[1] for row in project.depot().get("products", [])}


def records(project: Project) -> dict[str, int]:
    """The books of one run, without what is zero."""
    books = project.run("wares")
    assert books.balanced, books.data
    return {name: n for name, n in books.data["records"].items() if n}


@fault("F04", "F05")
def test_content_counts_and_not_the_name(fed: Project, partner: Partner) -> None:
    partner.drop("a.csv", ware("MUG", "Mug"))
    assert records(fed) == {"read": 1, "delivered": 1}
    partner.drop("a.csv", ware("MUG", "Mug"))
    assert records(fed) == {"read": 1, "unchanged": 1}
    partner.drop("b.csv", ware("MUG", "Mug"))
    assert records(fed) == {"read": 1, "unchanged": 1}
    partner.drop("a.csv", ware("MUG", "Cup"))
    assert records(fed) == {"read": 1, "delivered": 1}
    assert names(fed) == {"MUG": "Cup"}
    assert sorted(path.name for path in (partner.root / "archive").iterdir()) == [
        "a.csv", "a.csv.1", "a.csv.2", "b.csv",
    ]  # fmt: skip


@fault("F06", "P05")
@pytest.mark.parametrize("what", ["reset_file", "commit_then_reset"])
def test_a_connection_that_breaks_before_the_archive_reads_nothing_twice(
    fed: Project, partner: Partner, what: str
) -> None:
    partner.drop("a.csv", ware("MUG", "Mug"))
    partner.plan = Plan([{"at": 1, "endpoint": "rename /archive", "fault": what, "times": 4}])
    if what == "reset_file":
        with pytest.raises(TryLater, match="archive"):
            fed.run("wares")
        partner.plan = NO_FAULTS
    assert records(fed) == {"read": 1, "delivered": 1}
    assert names(fed) == {"MUG": "Mug"}
    for _ in range(2):
        fed.run("wares")
    assert [path.name for path in (partner.root / "archive").iterdir()] == ["a.csv"]
    assert not list((partner.root / "out").iterdir())
    versions = fed.rows(sa.select(sa.func.count()).select_from(schema.record_version))
    assert versions[0][0] == 1


@fault("F07")
def test_an_archive_that_may_not_be_written_is_said_and_nothing_is_lost(
    fed: Project, partner: Partner
) -> None:
    (partner.root / "archive").rmdir()
    partner.drop("a.csv", ware("MUG", "Mug"))
    with pytest.raises(Misconfigured, match="no such folder"):
        fed.run("wares")
    assert records(fed) == {"read": 1, "delivered": 1}, "what was landed goes on"
    (partner.root / "archive").mkdir()
    assert records(fed) == {"read": 1, "unchanged": 1}
    assert names(fed) == {"MUG": "Mug"}


@fault("F08", "F09")
def test_a_server_that_cannot_rename_over_a_file(
    sftp: Sftp, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(self: Any, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("posix-rename is not known here")

    monkeypatch.setattr("crossdock.sandbox.partner_files.PartnerFiles.posix_rename", unsupported)
    for number, data in enumerate((b"first", b"second", b"third"), 1):
        if number == 3:  # and the answer to the rename is lost
            lost = {"at": number, "endpoint": "rename /in", "fault": "commit_then_reset"}
            partner.plan = Plan([lost])
        sftp.upload("/in", "orders.csv", data)
        assert partner.received() == {"orders.csv": data}
    assert [path.name for path in (partner.root / "in").iterdir()] == ["orders.csv"]


@fault("F17")
def test_a_full_folder_takes_nothing_half(
    sftp: Sftp, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any, file_obj: Any, offset: int, data: bytes) -> int:
        raise asyncssh.SFTPFailure("Disk quota exceeded")

    with monkeypatch.context() as patch:
        patch.setattr("crossdock.sandbox.partner_files.PartnerFiles.write", full)
        with pytest.raises(TryLater):
            sftp.upload("/in", "orders.csv", b"x" * 100_000)
    assert partner.received() == {}
    sftp.upload("/in", "orders.csv", b"x" * 100_000)
    assert partner.received() == {"orders.csv": b"x" * 100_000}
    assert [path.name for path in (partner.root / "in").iterdir()] == ["orders.csv"]


@fault("X02")
def test_an_upload_whose_part_is_swept_away_was_not_delivered(
    sftp: Sftp, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that clears unfinished files between our put and our rename."""
    from crossdock.sandbox.partner_files import PartnerFiles

    plain = PartnerFiles.posix_rename

    def swept(self: Any, oldpath: bytes, newpath: bytes) -> Any:
        self._local(oldpath).unlink(missing_ok=True)
        return plain(self, oldpath, newpath)

    monkeypatch.setattr(PartnerFiles, "posix_rename", swept)
    with pytest.raises(TryLater):
        sftp.upload("/in", "orders.csv", b"x")
    assert partner.received() == {}


@fault("F16", "N32")
@pytest.mark.parametrize("offset", [-86_400.0, 0.0, 86_400.0])
def test_the_clock_of_a_server_leaves_no_file_out(
    world: World, tmp_path: Path, offset: float
) -> None:
    with Partner(tmp_path / "other", clock_offset=offset) as partner:
        for name in ("b.csv", "a.csv"):
            partner.drop(name, b"a\n1\n")
        files = Files(
            path=f"sftp://{partner.host}:{partner.port}/out",
            user=partner.user,
            password=partner.password,
            host_key=partner.host_key,
        )
        vars(files)["allow_private"] = True
        files.bind("till", world, {"s": Files.stream("s", {"key": "a"})})
        assert [page.name for page in files.read(files.reads()["s"], None)] == ["a.csv", "b.csv"]
        files.close()


@fault("F13")
@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed(
    sftp: Sftp, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def many(self: Any, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        attributes = asyncssh.SFTPAttrs(size=1, permissions=0o100644, mtime=0)
        for number in range(100_000, 0, -1):
            yield asyncssh.SFTPName(b"%06d.csv" % number, attrs=attributes)

    monkeypatch.setattr("crossdock.sandbox.partner_files.PartnerFiles.scandir", many)
    monkeypatch.setattr(sftp, "_deadline", 240.0)
    found = sftp.list("/out")
    assert len(found) == 100_000
    assert [found[0].name, found[-1].name] == ["000001.csv", "100000.csv"]


@fault("F13")
def test_thousands_of_files_in_a_folder_come_one_by_one(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    moment = START.timestamp() - 60
    for number in range(3000):
        path = folder / f"{number:05}.csv"
        path.write_bytes(b"a\n1\n")
        os.utime(path, (moment, moment))
    files = Files(path=str(folder))
    files.bind("till", world, {"s": Files.stream("s", {"key": "a"})})
    pages = files.read(files.reads()["s"], None)
    assert next(pages).name == "00000.csv"
    assert sum(1 for _ in pages) == 2999


@fault("F14", "P15")
@pytest.mark.slow
def test_a_file_that_is_larger_than_the_memory_of_its_reader(tmp_path: Path) -> None:
    """Four hundred megabytes in blocks; the process grows by a fraction of that."""
    body = tmp_path / "large.csv"
    row = b"%09d,tea,1.50," + b"x" * 80 + b"\n"
    with body.open("wb") as file:
        file.write(b"sku,name,price,text\n")
        for start in range(0, 4_000_000, 10_000):
            file.write(b"".join(row % number for number in range(start, start + 10_000)))
    assert body.stat().st_size > 380 << 20
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            stream = Reads(name="stock", key=("sku",), media="csv")
            rows = sum(table.num_rows for table in tables(stream, "csv", body))
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            code = 0 if rows == 4_000_000 and grown < 200 << 10 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@fault("F20")
@pytest.mark.parametrize("end", [b"\x1a", b"\r\n\x1a", b"\0"])
def test_a_stray_sign_at_the_end_holds_its_row_only(tmp_path: Path, end: bytes) -> None:
    body = tmp_path / "a.csv"
    body.write_bytes(b"sku,n\r\n1,2\r\n3,4\r\n" + end)
    stream = Reads(name="stock", key=("sku",), media="csv")
    rows = pa.concat_tables(tables(stream, "csv", body)).to_pylist()
    assert [row["sku"] for row in rows if not row["_fault"]] == ["1", "3"]
    assert len([row for row in rows if row["_fault"]]) == 1


@fault("F20")
def test_a_transfer_in_text_mode_changes_no_record(fed: Project, partner: Partner) -> None:
    partner.drop("a.csv", ware("MUG", "Mug"))
    assert records(fed) == {"read": 1, "delivered": 1}
    partner.drop("a.csv", ware("MUG", "Mug").replace(b"\n", b"\r\n"))
    assert records(fed) == {"read": 1, "unchanged": 1}


@fault("P16", "F17")
def test_a_target_folder_without_room_leaves_nothing_half(world: World, tmp_path: Path) -> None:
    """In a process of its own that may write no file above eight kilobytes."""
    (tmp_path / "out").mkdir()
    spec = {"delivery": "upsert", "key": "id", "path": "out"}
    files = Files(path=str(tmp_path))
    files.bind("till", world, {"s": Files.stream("s", spec)})
    parcel = Parcel("r", "k", "create", {"id": "1", "text": "x" * 20_000})
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
            files.write(files.writes()["s"], [parcel])
        except TryLater:
            code = 0
        except CrossdockError:
            code = 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert list((tmp_path / "out").iterdir()) == []
    assert files.write(files.writes()["s"], [parcel])[0].verdict == "delivered"


@fault("X03")
def test_last_weeks_file_again_is_news_when_another_came_in_between(
    fed: Project, partner: Partner
) -> None:
    """monday.csv, tuesday.csv, and the very bytes of monday.csv again: the last one counts."""
    for name, text in (("monday.csv", "Mug"), ("tuesday.csv", "Cup"), ("monday.csv", "Mug")):
        partner.drop(name, ware("MUG", text))
        fed.run("wares")
    assert names(fed) == {"MUG": "Mug"}
