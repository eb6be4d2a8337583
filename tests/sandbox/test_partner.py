"""The sandbox partner over real SFTP."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from crossdock.sandbox.faults import NO_FAULTS, Plan
from crossdock.sandbox.partner import Partner

Connect = Callable[..., paramiko.SFTPClient]


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with Partner(tmp_path) as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Connect]:
    made = []

    def opened(partner: Partner, **how: Any) -> paramiko.SFTPClient:
        client = paramiko.SSHClient()
        kind, key = partner.host_key.split()[:2]
        pinned = paramiko.PKey.from_type_string(kind, base64.b64decode(key))
        client.get_host_keys().add(f"[127.0.0.1]:{partner.port}", kind, pinned)
        how = how or {"password": partner.password}
        made.append(client)
        client.connect(
            "127.0.0.1", partner.port, partner.user, allow_agent=False, look_for_keys=False, **how
        )
        return client.open_sftp()

    yield opened
    for client in made:
        client.close()


def test_files_go_both_ways_and_are_journalled(partner: Partner, connect: Connect) -> None:
    sftp = connect(partner)
    partner.drop("orders.csv", b"sku\nA\n")
    with sftp.open("/out/orders.csv") as file:
        assert file.read() == b"sku\nA\n"
    sftp.rename("/out/orders.csv", "/archive/orders.csv")
    sftp.putfo(io.BytesIO(b"UNA"), "/in/a.edi.part")
    assert partner.received() == {}
    sftp.rename("/in/a.edi.part", "/in/a.edi")
    assert partner.received() == {"a.edi": b"UNA"}
    seen = [(entry.kind, entry.entity, entry.reference) for entry in partner.journal.entries()]
    assert seen == [
        ("changed", "file", "orders.csv"),
        ("exposed", "out", "orders.csv"),
        ("accepted", "archive", "orders.csv"),
        ("accepted", "in", "a.edi"),
    ]


def test_a_key_signs_in_and_a_wrong_password_does_not(partner: Partner, connect: Connect) -> None:
    sftp = connect(partner, key_filename=str(partner.client_key))
    assert sorted(sftp.listdir("/")) == ["archive", "in", "out"]
    with pytest.raises(paramiko.AuthenticationException):
        connect(partner, password="no")


def test_nobody_leaves_the_folder(partner: Partner, connect: Connect, tmp_path: Path) -> None:
    sftp = connect(partner)
    (tmp_path / "secret").write_text("x")
    for path in ("/../secret", "/../../../../etc/passwd", "/out/../../secret"):
        with pytest.raises(OSError, match=r"No such|denied"):
            sftp.open(path)


def test_the_host_key_stays_over_a_restart(tmp_path: Path) -> None:
    with Partner(tmp_path) as first:
        key = first.host_key
    with Partner(tmp_path) as second:
        assert second.host_key == key
    assert key.startswith("ssh-ed25519 AAAA")


def test_half_an_upload_is_half_a_file(partner: Partner, connect: Connect) -> None:
    partner.plan = Plan([{"at": 1, "endpoint": "open /in", "fault": "half_file"}])
    with pytest.raises((paramiko.SSHException, OSError)):
        connect(partner).putfo(io.BytesIO(b"0123456789"), "/in/a.edi.part")
    assert (partner.root / "in" / "a.edi.part").read_bytes() == b"01234"
    assert partner.journal.entries() == []


def test_half_a_download_ends_the_connection(partner: Partner, connect: Connect) -> None:
    partner.drop("big.csv", b"x" * 200_000)
    partner.plan = Plan([{"at": 1, "endpoint": "open /out", "fault": "half_file"}])
    with pytest.raises((paramiko.SSHException, OSError, EOFError)):
        connect(partner).getfo("/out/big.csv", io.BytesIO(), prefetch=False)


def test_a_rename_whose_answer_is_lost_has_happened(partner: Partner, connect: Connect) -> None:
    sftp = connect(partner)
    sftp.putfo(io.BytesIO(b"UNA"), "/in/a.part")
    partner.plan = Plan([{"at": 1, "endpoint": "rename /in", "fault": "commit_then_reset"}])
    with pytest.raises((paramiko.SSHException, OSError)):
        sftp.rename("/in/a.part", "/in/a.edi")
    partner.plan = NO_FAULTS
    assert connect(partner).listdir("/in") == ["a.edi"]


def test_a_reset_before_anything(partner: Partner, connect: Connect) -> None:
    partner.plan = Plan([{"at": 1, "fault": "reset_file"}])
    with pytest.raises((paramiko.SSHException, OSError)):
        connect(partner).putfo(io.BytesIO(b"x"), "/in/a.edi")
    assert partner.received() == {}


def test_the_clock_of_a_partner_may_be_wrong(tmp_path: Path, connect: Connect) -> None:
    with Partner(tmp_path, clock_offset=-3600) as partner:
        real = partner.drop("a.csv", b"x").stat().st_mtime
        sftp = connect(partner)
        assert sftp.stat("/out/a.csv").st_mtime == int(real) - 3600
        assert sftp.listdir_attr("/out")[0].st_mtime == int(real) - 3600


def test_a_rename_does_not_overwrite_unless_it_says_so(partner: Partner, connect: Connect) -> None:
    sftp = connect(partner)
    for name in ("a", "b"):
        sftp.putfo(io.BytesIO(name.encode()), f"/in/{name}")
    with pytest.raises(OSError):
        sftp.rename("/in/a", "/in/b")
    sftp.posix_rename("/in/a", "/in/b")
    assert partner.received() == {"b": b"a"}


def test_the_command_prints_where_everything_is_and_ends_when_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "crossdock.sandbox", "--folder", str(tmp_path), "--orders", "3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    found = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()
    assert set(found) == {"shop", "erp", "partner"}
    assert found["erp"]["wsdl"].endswith("?wsdl")
    assert (tmp_path / "shop" / "orders.ndjson").read_text().count("\n") == 3
