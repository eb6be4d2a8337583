"""Partners' files, and their folders on this machine."""

from pathlib import Path

import pytest

from crossdock.edi.folder import LocalFile, LocalFolders, unfinished
from crossdock.edi.partner import load
from crossdock.errors import Misconfigured

PARTNERS = Path(__file__).parents[2] / "edi" / "partners"


@pytest.mark.parametrize("path", sorted(PARTNERS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_partner_loads(path):
    assert load(PARTNERS, path.stem).name == path.stem


HEAD = 'us: {id: "1", qualifier: 14}\nthem: {id: "2"}\n'


def test_what_is_not_said_has_its_default(tmp_path):
    (tmp_path / "x.yaml").write_text(HEAD)
    partner = load(tmp_path, "x")
    assert (partner.us.components, partner.them.components) == (["1", "14"], ["2"])
    assert (partner.layout.identifier, partner.layout.version) == ("UNOC", "3")
    assert partner.shape("ORDERS").directory == "D.96A"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("us: {id: 1}", "them needs an id"),
        (HEAD + "charset: latin-99", r"x\.yaml:3.*use a name that Python knows"),
        (HEAD + "write: {syntax: UNOZ}", "UNOZ.* has no character set"),
        (HEAD + "write: {line_end: both}", "none, lf or crlf"),
        (HEAD + 'write: {separators: "::.? \'"}', "one character for two purposes"),
        (HEAD + "messages: {ORDERS: D.96A}", "ORDERS needs a directory"),
        (HEAD + "window_days: long", "whole number of days"),
        (HEAD + "check: nothing", "guide or envelope"),
        (HEAD + "colour: red", "unknown key 'colour'"),
        ("[]", "a partner is a mapping"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path, text, words):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(Misconfigured, match=words):
        load(tmp_path, "x")


def test_only_whole_regular_files_are_taken(tmp_path):
    (tmp_path / "out" / "folder.edi").mkdir(parents=True)
    for name in ("b.edi", "a.edi", ".hidden", "c.part", "d.tmp"):
        (tmp_path / "out" / name).write_bytes(b"x")
    (tmp_path / "out" / "link.edi").symlink_to(tmp_path / "out" / "a.edi")
    names = [entry.name for entry in LocalFolders(tmp_path).list("out")]
    assert [name for name in names if not unfinished(name)] == ["a.edi", "b.edi"]
    assert "link.edi" not in names


def test_a_file_that_grows_or_goes_is_not_taken(tmp_path):
    folders = LocalFolders(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"12345")
    target = tmp_path / "target"
    assert folders.download("out", LocalFile("a", 5, 0.0), target)
    assert not folders.download("out", LocalFile("a", 4, 0.0), target)
    assert not folders.download("out", LocalFile("b", 4, 0.0), target)


def test_an_archived_name_is_never_overwritten(tmp_path):
    folders = LocalFolders(tmp_path)
    for text in ("one", "two"):
        folders.upload("out", "a.edi", text.encode())
        folders.archive("out", "a.edi", "archive")
    folders.archive("out", "a.edi", "archive")
    files = sorted((tmp_path / "archive").iterdir())
    assert [(path.name, path.read_text()) for path in files] == [
        ("a.edi", "one"),
        ("a.edi.2", "two"),
    ]


def test_no_name_leaves_the_partners_root(tmp_path):
    folders = LocalFolders(tmp_path / "partner")
    with pytest.raises(Misconfigured, match="leaves"):
        folders.upload("in", "../../x", b"")
