"""The check step: canonical documents in; those that pass, those that are held and why, out.

Nothing is decided for good here: thresholds and rules over the whole run are the gate's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.history import EmptyHistory, History
from crossdock.rows import Rows
from crossdock.rule import Rule
from crossdock.rules.contract import RUN
from crossdock.suite import Suite, combine
from crossdock.verdicts import SCHEMA, Verdicts


@dataclass(frozen=True)
class Checked:
    """What became of a batch of documents.

    ``passed`` and ``held`` together are the documents that came in, in their order. ``verdicts``
    (``crossdock.verdicts.SCHEMA``) has every fault of every document, notes included;
    ``findings`` counts them by rule; ``records`` and ``lines`` are what was seen.
    """

    passed: pa.Table
    held: pa.Table
    verdicts: pa.Table
    findings: pa.Table
    records: int
    lines: int


def check(documents: pa.Table, suites: Sequence[Suite], history: History | None = None) -> Checked:
    """Judge ``documents`` (one entity, canonical columns) by all rules of ``suites``.

    A document is held when a rule that holds is broken; it then carries all of its faults. A rule
    of severity ``hold_batch`` holds every document of the batch. Raises Misconfigured when a rule
    cannot be judged.
    """
    if not suites:
        raise Misconfigured(
            "there is no suite to check with", fix="name one under check: in the flow"
        )
    rules = [rule for rule in combine(suites) if rule.on != RUN]
    rows = Rows(documents, suites[0].entity)
    verdicts = Verdicts(rows)
    if len(rows):
        _judge(rules, rows, history or EmptyHistory(), verdicts)
    held = verdicts.held()
    return Checked(
        passed=documents.filter(pc.invert(held)) if pc.any(held).as_py() else documents,
        held=documents.filter(held),
        verdicts=verdicts.table() if len(rows) else SCHEMA.empty_table(),
        findings=verdicts.findings(),
        records=len(rows),
        lines=int(pc.sum(rows.lengths("lines")).as_py() or 0) if rows.has("lines") else 0,
    )


def _judge(rules: list[Rule], rows: Rows, history: History, verdicts: Verdicts) -> None:
    """Run the commerce pack rule by rule, and all expectations at once."""
    for rule in rules:
        if rule.commerce and len(rows.at(rule.on)):
            try:
                verdicts.add(rule, rule.commerce.judge(rows.at(rule.on), history))
            except CrossdockError:
                raise
            except (pa.ArrowException, ArithmeticError, TypeError, KeyError) as error:
                raise Misconfigured(
                    f"rule {rule.name} could not be judged: {type(error).__name__}: {error}",
                    where=rule.where,
                    fix="report this together with the rule",
                ) from error
    expected = [rule for rule in rules if not rule.commerce]
    if expected:
        from crossdock import expectations

        for rule, fault in expectations.judge(expected, rows):
            verdicts.add(rule, [fault])
