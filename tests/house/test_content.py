"""Content hangs together: what is named exists, what exists has examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock import flows, systems, yaml
from crossdock.home import Home

ROOT = Path(__file__).parents[2]
MAPPINGS = sorted(ROOT.glob("mappings/*/*.yaml"))
SUITES = sorted(ROOT.glob("validation/*.yaml"))
FLOWS = sorted(ROOT.glob("config/flows/*.yaml"))
SYSTEMS = sorted(ROOT.glob("config/systems/*.yaml"))
GUIDES = [path for path in sorted(ROOT.glob("edi/guides/*/*.yaml")) if path.stem.isupper()]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_content() -> None:
    assert MAPPINGS
    assert SUITES
    assert FLOWS
    assert SYSTEMS
    assert GUIDES


@pytest.mark.parametrize("path", MAPPINGS, ids=place)
def test_every_mapping_has_examples(path: Path) -> None:
    listed = yaml.load(path).data.get("examples") or []
    assert listed, "add examples: [examples/<entity>.yaml]"
    assert all((path.parent / name).exists() for name in listed)


@pytest.mark.parametrize("path", SUITES, ids=place)
def test_every_suite_has_examples_that_pass_and_that_are_held(path: Path) -> None:
    examples = yaml.load(path).data.get("examples") or {}
    assert {"passes", "holds"} <= set(examples)
    assert all((path.parent / name).exists() for name in examples.values())


@pytest.mark.parametrize("path", FLOWS, ids=place)
def test_every_flow_can_be_read_and_says_what_it_is_for(path: Path) -> None:
    flow = flows.load(Home.find(ROOT), path.stem)
    assert flow.about.strip()
    assert flow.doc()


@pytest.mark.parametrize("path", SYSTEMS, ids=place)
def test_every_system_names_a_connector_and_what_it_is(path: Path) -> None:
    data = yaml.load(path).data
    assert systems.connector_class(Home.find(ROOT), data["connector"])
    assert data.get("about", "").strip()


def test_canonical_columns_do_not_differ_by_case_only() -> None:
    from crossdock.model import ENTITIES

    for entity in ENTITIES.values():
        names = [name.lower() for name in entity.arrow.names]
        assert len(names) == len(set(names)), "Great Expectations would test one for the other"
