"""Control references: gap-free, the same for the same key, whatever crashes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crossdock.edi.control import ReferenceFile
from crossdock.errors import Misconfigured


def test_numbers_are_gap_free_per_partner(tmp_path):
    path = tmp_path / "references.tsv"
    counter = ReferenceFile(path)
    assert [counter.next("a", key) for key in ("k1", "k2", "k1", "k3")] == [1, 2, 1, 3]
    assert counter.next("b", "k1") == 1
    assert ReferenceFile(path).next("a", "k2") == 2
    assert ReferenceFile(path).next("a", "k4") == 4


def test_every_torn_end_of_the_file_is_survived(tmp_path):
    path = tmp_path / "references.tsv"
    for key in ("k1", "k2", "k3"):
        ReferenceFile(path).next("a", key)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        done = whole[:cut].count(b"\n")
        assert ReferenceFile(path).next("a", "new") == done + 1


def test_threads_share_the_counter(tmp_path):
    path = tmp_path / "references.tsv"
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda n: ReferenceFile(path).next("a", f"k{n}"), range(40)))
    assert sorted(numbers) == list(range(1, 41))


def test_a_foreign_file_stops_the_flow(tmp_path):
    path = tmp_path / "references.tsv"
    path.write_text("something else\n")
    with pytest.raises(Misconfigured, match="byte 0"):
        ReferenceFile(path).next("a", "k")
