"""The pages of the connectors cannot lie: every stream in them is one that can be made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from connectors.files import Files
from connectors.rest import Rest
from crossdock import formats, yaml
from crossdock.connector import Connector

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", [Files, Rest])
def test_the_streams_of_a_page_can_be_made(kind: type[Connector]) -> None:
    page = ROOT / "docs/reference/connectors" / f"{kind.kind}.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        data: Any = yaml.load(page, block).data
        for name, spec in data.items():
            assert kind.stream(name, spec).name == name


@pytest.mark.parametrize("kind", [Files, Rest])
def test_a_page_tells_every_setting(kind: Any) -> None:
    import dataclasses

    text = (ROOT / "docs/reference/connectors" / f"{kind.kind}.md").read_text(encoding="utf-8")
    for item in dataclasses.fields(kind):
        assert f"`{item.name}`" in text, item.name
        assert item.metadata["help"]


def test_every_media_is_told() -> None:
    text = (ROOT / "docs/reference/connectors/files.md").read_text(encoding="utf-8")
    assert all(f"`{media}`" in text for media in formats.MEDIA)


@pytest.mark.parametrize("name", ["shop", "till", "online_retail"])
def test_the_configured_systems_can_be_made(name: str) -> None:
    data: Any = yaml.load(ROOT / "config/systems" / f"{name}.yaml").data
    kind: type[Connector] = {"rest": Rest, "files": Files}[data["connector"]]
    for stream, spec in data["streams"].items():
        assert kind.stream(stream, spec)
