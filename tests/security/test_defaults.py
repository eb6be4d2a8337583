"""Every security default holds, and the doctor says so when one of them does not."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from crossdock import defaults, doctor
from crossdock import json as exact
from crossdock.home import Home
from crossdock.store import engine
from tests import tiny

NAMES = {default.trial.__name__: default.name for default in defaults.DEFAULTS}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tiny.project(tmp_path / "project")
    for name, value in tiny.variables(folder).items():
        monkeypatch.setenv(name, value)
    found = Home.find()
    found.state.mkdir(mode=0o700)
    found.make_key()
    yield found
    for at in list(engine._engines):
        engine._engines.pop(at).dispose()


def test_every_default_holds(home: Home) -> None:
    assert [one for one in defaults.tried(home) if one.why] == []


def _nothing(*given: Any, **options: Any) -> Any:
    return None


def _first(value: Any, *rest: Any) -> Any:
    return value


def _followed(session: Any, *given: Any, **options: Any) -> Any:
    return _REQUEST(session, *given, **{**options, "allow_redirects": True})


_REQUEST = requests.Session.request

BROKEN: dict[str, tuple[str, str, Any]] = {
    "_only_https": ("crossdock.egress", "Egress.url", _nothing),
    "_no_private_addresses": ("crossdock.egress", "Egress._verify", _nothing),
    "_checked_address_is_used": (
        "crossdock.egress",
        "Egress.address",
        lambda self, host, port: (self.resolve(host, port), self.resolve(host, port))[0][0],
    ),
    "_no_redirects": ("requests", "Session.request", _followed),
    "_answers_end": ("crossdock.deadline", "Watch._cut", _nothing),
    "_answers_are_short": ("crossdock.exchange", "MOST_BYTES", 1 << 40),
    "_pages_end": ("crossdock.paging", "MOST_PAGES", 10**9),
    "_host_keys_are_pinned": ("crossdock.sftp", "Sftp._verify", _nothing),
    "_xml_without_dtd": ("crossdock.xml", "_refuse_dtd", _nothing),
    "_archives_stay_small": ("crossdock.formats.packed", "RATIO", 10**9),
    "_no_macros": ("crossdock.excel", "_refuse_dangers", _nothing),
    "_json_is_exact": ("crossdock.json", "loads", lambda text: exact.json.loads(text)),
    "_patterns_end": ("crossdock.when", "pattern", _nothing),
    "_no_formulas": ("crossdock.export", "safe", _first),
    "_kept_bytes_are_sealed": ("crossdock.objects", "Objects.seal", lambda self, b, h: (b"", b)),
    "_secrets_are_no_literals": ("crossdock.systems", "secret_value", _nothing),
    "_secrets_are_hidden": ("crossdock.egress", "masked", _first),
    "_calls_are_signed": ("crossdock.webhooks.signatures", "verify", lambda *given: given),
    "_receiver_is_near": ("crossdock.webhooks.listening", "Listening.verify", _nothing),
    "_trail_is_whole": ("crossdock.audit", "broken_at", lambda store: 3),
}
"""Which trial is to fail when what it tries is replaced."""


@pytest.mark.parametrize("trial", sorted(BROKEN))
def test_a_default_that_does_not_hold_is_seen(
    home: Home, monkeypatch: pytest.MonkeyPatch, trial: str
) -> None:
    engine.open_store(home)
    module, name, instead = BROKEN[trial]
    place: Any = importlib.import_module(module)
    *above, last = name.split(".")
    for part in above:
        place = getattr(place, part)
    monkeypatch.setattr(place, last, instead)
    [default] = [one for one in defaults.DEFAULTS if one.trial.__name__ == trial]
    monkeypatch.setattr(defaults, "DEFAULTS", (default,))
    [found] = defaults.tried(home)
    assert found.why, f"{default.name}: nobody noticed"


@pytest.mark.parametrize(
    ("trial", "change"),
    [
        ("_no_proxy_from_outside", lambda session: setattr(session._session, "trust_env", True)),
        ("_certificates_are_checked", lambda session: setattr(session._session, "verify", False)),
    ],
)
def test_a_session_that_is_careless_is_seen(
    home: Home, monkeypatch: pytest.MonkeyPatch, trial: str, change: Callable[[Any], None]
) -> None:
    from crossdock.http import HttpSession

    made = HttpSession.__init__

    def careless(self: Any, *given: Any, **options: Any) -> None:
        made(self, *given, **options)
        change(self)

    monkeypatch.setattr(HttpSession, "__init__", careless)
    [default] = [one for one in defaults.DEFAULTS if one.trial.__name__ == trial]
    assert default.trial(home)


def test_every_trial_is_proven() -> None:
    assert set(NAMES) == {*BROKEN, "_no_proxy_from_outside", "_certificates_are_checked"}


def test_the_doctor_prints_them_and_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in doctor.examine(home) if line.what.startswith("default: ")]
    assert len(lines) == len(defaults.DEFAULTS)
    assert {line.state for line in lines} == {"ok"}
    monkeypatch.setattr("crossdock.export.safe", _first)
    bad = [line for line in doctor.examine(home) if line.state == "FAIL"]
    assert [line.what for line in bad] == ["default: exports for people hold no formula"]
    from typer.testing import CliRunner

    from crossdock.cli import app

    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 1
    page = json.loads(done.stdout)
    assert page["ok"] is False
    assert [line["what"] for line in page["lines"] if line["state"] == "FAIL"] == [bad[0].what]


def test_every_default_stands_in_the_documents() -> None:
    page = Path(__file__).parents[2] / "docs/reference/security.md"
    text = page.read_text(encoding="utf-8")
    assert [name for name in NAMES.values() if name not in text] == []
