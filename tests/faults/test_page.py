"""The table of faults: every fault has a test or a reason, and the page says what is true."""

from __future__ import annotations

from tests.faults.catalogue import catalogue
from tests.faults.page import PAGE, page, proofs, proven

FEWEST = 150


def test_every_mark_names_a_fault_and_every_fault_has_a_test_or_a_reason() -> None:
    known = proofs()
    assert not set(known) - set(catalogue()), "a test is marked with a fault that nobody declared"
    shown = {one.name for one in proven()}
    silent = [one.name for one in catalogue().values() if one.name not in shown | set(known)]
    reasonless = [name for name in silent if not catalogue()[name].untested]
    assert not reasonless, "mark a test with @fault, or say in catalogue.yaml why there is none"
    both = [name for name in shown if catalogue()[name].untested]
    assert not both, "it is tested: take the reason out of catalogue.yaml"


def test_enough_faults_are_tested() -> None:
    reference = [one for one in proven() if one.name[0] != "X"]
    assert len(reference) >= FEWEST


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"
