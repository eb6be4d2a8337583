"""Files that other people wrote: EDI_CORPUS names a folder with them and a manifest.json.

An entry of the manifest has ``file``, ``types``, ``state`` (``valid``, or words that hold the
class of the defect) and ``findings`` in words.
"""

import json
import os
from pathlib import Path

import pytest

from crossdock.edi.check import check_file
from crossdock.edi.guide import Guides
from crossdock.edi.jsonform import from_json, to_json
from crossdock.errors import Unreadable

FOLDER = os.environ.get("EDI_CORPUS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="EDI_CORPUS names no folder of EDI files")
ENTRIES = json.loads((Path(FOLDER) / "manifest.json").read_text()) if FOLDER else []
GUIDES = Guides(Path(__file__).parents[2] / "edi" / "guides")


def entries(wanted):
    return pytest.mark.parametrize(
        "entry", [entry for entry in ENTRIES if wanted(entry)], ids=lambda entry: entry["file"]
    )


@entries(lambda entry: True)
def test_it_comes_back_byte_for_byte(entry):
    data = (Path(FOLDER) / entry["file"]).read_bytes()
    try:
        text = "".join(to_json(data))
    except Unreadable:
        assert "syntax defect" in entry["state"]
        return
    assert from_json(json.loads(text)) == data


@entries(lambda entry: entry["state"] == "valid")
def test_a_valid_file_has_no_finding(entry):
    verdict = check_file(Path(FOLDER) / entry["file"], GUIDES)
    assert verdict.findings == []
    assert verdict.state == ("unchecked" if verdict.unchecked else "valid")
    for name in verdict.unchecked:
        message, _, directory = name.partition(" ")
        assert GUIDES.find(message, directory) is None


@entries(lambda entry: entry["state"].endswith("defect"))
def test_a_defective_file_has_a_finding_of_its_class(entry):
    verdict = check_file(Path(FOLDER) / entry["file"], GUIDES)
    wanted = entry["state"].split()[-2]
    if verdict.unchecked and wanted in {"structure", "element"}:
        pytest.skip("there is no guide for it")
    assert wanted in {finding.kind for finding in verdict.findings}


@entries(lambda entry: "directory not checked" in entry["state"])
def test_without_a_guide_a_file_is_unchecked(entry):
    assert check_file(Path(FOLDER) / entry["file"], GUIDES).state == "unchecked"
