"""The page of a run: true to its figures, safe against what records contain, usable by everyone."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.report import Decided, Found, Past, RunReport, Sample, headline, render, summary
from crossdock.report_chart import stacks, where_bar

NOW = datetime(2026, 11, 21, 8, 15, tzinfo=UTC)
RUN = RunReport(
    flow="online_retail",
    run="online_retail-1",
    started_at=NOW,
    ended_at=NOW + timedelta(seconds=41),
    records={"read": 25900, "delivered": 23799, "quarantined": 2101},
    money=[{"currency": "GBP", "read": "9747747.934", "delivered": "9590803.324"}],
    by_target={"erp.sales_order": {"read": 221, "delivered": 199, "quarantined": 22}},
    by_entity={"sales_order": {"read": 22061, "delivered": 19960, "quarantined": 2101}},
    reasons={"not_a_sale": 1336},
    found=[
        Found("buyer_missing", "sales_order", "note", 3525, 134694),
        Found("not_a_sale", "sales_order", "hold_record", 1336, 1336, samples=[
            Sample("536589", "lines", "a stock write-off", None, None),
            Sample("536590", "buyer_email", "it is none", "•••", 2)]),
    ],
    held={"not_a_sale": 1336},
    earlier=[Past("old", NOW - timedelta(days=1), {"read": 10, "delivered": 10}, balanced=False)],
    new_fields={"loyalty.points": 312},
    seconds={"pull": 4.1, "check": 1.8},
    decided=[Decided("release", "ulla", 12, "agreed by phone")],
    notes=["rule x comes near its threshold"],
    versions={"suite online_retail": "77be12aa90cd"},
)  # fmt: skip


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    VOID = ("meta", "col")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_says_what_the_books_say() -> None:
    text = Page(render(RUN)).text
    for words in ("Balanced, and a steward is needed", "25,900", "23,799 delivered", "2,101 held",
                  "9,747,747.934", "crossdock quarantine list --rule not_a_sale", "134,694 lines",
                  "loyalty.points", "agreed by phone", "took 41.0 s", "2026-11-21 08:15 UTC",
                  "rule x comes near", "77be12aa90cd"):  # fmt: skip
        assert words in text, words
    assert text.index("not_a_sale sales_order") < text.index("buyer_missing sales_order")


@pytest.mark.parametrize(("more", "verdict", "words"), [
    ({"records": {"read": 5, "delivered": 5}}, "balanced", "Balanced"),
    ({}, "steward", "Balanced, and a steward is needed"),
    ({"balanced": False}, "red", "The books do not balance"),
    ({"stopped": "rule x is broken by 5 documents"}, "red", "The run was stopped"),
])  # fmt: skip
def test_verdicts(more: dict[str, Any], verdict: str, words: str) -> None:
    run = replace(RUN, **more)
    assert (run.verdict, headline(run)) == (verdict, words)
    assert ("section", {"class": f"verdict {verdict}"}) in Page(render(run)).tags


def test_an_unbalanced_run_says_how_far_it_is_off() -> None:
    run = replace(RUN, balanced=False, records={"read": 10, "delivered": 9})
    assert summary(run).startswith("10 records came in, but 9 are accounted for.")
    assert "10 came in ≠ 9 delivered does not balance" in Page(render(run)).text


def test_an_empty_run_is_a_page_too() -> None:
    page = Page(render(RunReport("flow", "run", NOW, {"read": 0})))
    assert "Nothing: every document kept every rule." in page.text
    assert "0 records came in, and every one of them is accounted for." in page.text


def test_the_policy_lets_nothing_run_or_load() -> None:
    html = render(RUN)
    page = Page(html)
    [policy] = [attributes["content"] for tag, attributes in page.tags
                if attributes.get("http-equiv") == "Content-Security-Policy"]  # fmt: skip
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    seal = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert policy == ("default-src 'none'; base-uri 'none'; form-action 'none'; "
                      f"style-src 'sha256-{seal}'")  # fmt: skip
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "form", "object", "base"}
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on")}
        assert not set(attributes) & {"style", "src", "href"}
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)


HOSTILE = st.text() | st.sampled_from([
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><script>", "{{ 7*7 }}",
    "{% include '/etc/passwd' %}", "\x00\u202e", "'; DROP TABLE", "</td></table>", "a" * 5000,
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(HOSTILE, HOSTILE)
def test_nothing_from_a_record_becomes_markup(first: str, second: str) -> None:
    harmless = _filled("f" if first else "", "g" if second else "")
    assert _tags(_filled(first, second)) == _tags(harmless)


def _filled(first: str, second: str) -> RunReport:
    sample = Sample(first, second, first, second, 1)
    return replace(
        RUN, flow=first, run=second, found=[Found(first, second, "note", 1, 1, second, [sample])],
        reasons={first: 1}, new_fields={second: 1}, held={first: 1}, notes=[second], stopped=first,
        decided=[Decided(first, second, 1, first)], versions={first: second},
        by_target={second: {"read": 1}}, seconds={first: 1.0})  # fmt: skip


def _tags(run: RunReport) -> list[str]:
    """All tags but span, of which a command has one for each word."""
    return [tag for tag, _ in Page(render(run)).tags if tag != "span"]


def test_people_with_a_screen_reader_get_the_charts_in_words() -> None:
    page = Page(render(RUN))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
    labels = [attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg"]
    assert "delivered 23,799, held 2,101" in labels
    assert ("html", {"lang": "en"}) in page.tags
    assert "not balanced" in page.text  # the figures of the trend, as a table


def test_small_parts_of_a_bar_stay_visible() -> None:
    parts = where_bar({"delivered": 1_000_000, "quarantined": 1, "pending": 0})
    assert [part.state for part in parts] == ["delivered", "quarantined"]
    assert parts[1].size > 4
    assert sum(part.size for part in parts) == pytest.approx(1000)
    assert where_bar({"delivered": 0}) == []


def test_stacks_stand_on_the_ground() -> None:
    drawn = stacks([("a", {"delivered": 1, "quarantined": 1}, True), ("b", {}, True)],
                   ("delivered", "quarantined"))  # fmt: skip
    low, high = drawn[0].parts
    assert low.start == pytest.approx(high.start + high.size)
    assert drawn[1].parts == ()
