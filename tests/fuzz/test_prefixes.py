"""Files that were cut off, wherever: nothing wrong is taken, and no stranger's error is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock import yaml
from crossdock.errors import CrossdockError, Unreadable
from crossdock.soap import faults
from crossdock.xml import parse
from tests.faults.catalogue import fault
from tests.fuzz.golden import GOLDEN, NAMES, ROWS, WHOLE

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_whole_file_is_taken(name: str) -> None:
    found, held = GOLDEN[name].read(GOLDEN[name].data)
    assert held == 0
    assert [{key: row[key] for key in NAMES} for row in found] == ROWS[: len(found)]
    assert len(found) == (1 if name == "webhook" else len(ROWS))


@fault("E04", "N04", "L01")
@pytest.mark.parametrize("share", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_part_is_never_taken_for_the_whole(name: str, share: int) -> None:
    """Where a format says where it ends, no part is taken; else whole records and no others."""
    golden = GOLDEN[name]
    wanted, _ = golden.read(golden.data)
    size = len(golden.data)
    cuts = {*range(0, size, share * max(1, size // 2_000)), *range(size - 40, size)}
    for cut in sorted(cuts):
        part, rest = golden.data[:cut], golden.data[cut:]
        try:
            found, held = golden.read(part)
        except Unreadable:
            continue
        assert found == wanted[: len(found)], f"cut at {cut}: a record was changed"
        if name in WHOLE:
            assert not rest.strip(), f"cut at {cut}: a part was taken"
        elif len(found) < len(wanted):
            between = part.endswith((b"\n", b"\r")) or rest.startswith((b"\n", b"\r"))
            assert held or between, f"cut at {cut}: a record vanished"


@fault("N03", "N36")
def test_a_part_of_a_soap_answer_is_no_answer() -> None:
    data = GOLDEN["soap"].data
    codes = faults.Codes({})
    assert faults.read(200, {"content-type": "text/xml"}, data, codes) is not None
    for cut in range(len(data)):
        with pytest.raises(CrossdockError):
            faults.read(200, {"content-type": "text/xml"}, data[:cut], codes)
        with pytest.raises(Unreadable):
            parse(data[:cut])


@pytest.mark.parametrize("name", ["config/flows/shop_orders.yaml", "config/systems/shop.yaml"])
def test_a_part_of_a_configuration_is_read_or_refused_with_its_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for cut in range(len(text)):
        words = ""
        try:
            yaml.load(ROOT / name, text[:cut])
        except CrossdockError as error:
            words = str(error)
        assert not words or str(ROOT / name) in words
