"""Field rules, judged by Great Expectations: the one door to it.

Great Expectations takes seconds to import, so nothing here imports it before a batch needs it;
``warm`` does so ahead of time. Three things keep it fast and exact:

- A rule about one value is asked about each different value once in a process. A batch of 50,000
  lines becomes a frame of the few thousand values that are new, the columns of all levels side by
  side, for one ``validate``; what fails is found again in the rows by the codes of a dictionary.
- Decimals, instants and days go in as whole numbers (millionths, microseconds, days): Great
  Expectations makes a float of every bound, and 0.1 as a float is more than 0.1.
- Frame columns have names of our own, since it finds columns without regard to case.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from crossdock.errors import Misconfigured
from crossdock.expectation_list import EXPECTATIONS, option_for_column, whole_numbers
from crossdock.rules.contract import Fault

if TYPE_CHECKING:
    from crossdock.rows import Rows
    from crossdock.suite import Rule

_Column = tuple[str, str, bool]
_MOST_REMEMBERED = 50_000
_one_at_a_time = threading.RLock()  # a thread may warm up while another judges
_PRESENCE = pa.array(["there", None], pa.string())


def warm() -> None:
    """Import Great Expectations and judge one value, so that the first batch need not wait.

    Takes seconds; run it in a thread while the first pull waits for its source.
    """
    expectations = _library().expectations
    made = [
        expectations.ExpectColumnValuesToNotBeNull(column="a", meta={"number": 0}),
        expectations.ExpectColumnValuesToBeBetween(column="b", min_value=1, meta={"number": 1}),
        expectations.ExpectColumnValuesToMatchRegex(column="a", regex="t", meta={"number": 2}),
    ]
    _validate(_made_suite(made), pa.table({"a": _PRESENCE, "b": [0, 1]}))


def judge(rules: Sequence[Rule], documents: Rows) -> Iterator[tuple[Rule, Fault]]:
    """Judge ``documents`` and their lists by the expectations among ``rules``.

    Yields a fault for each rule that is broken. Raises Misconfigured when an expectation crashes,
    since nothing is known then about any row.
    """
    by_value = tuple(rule for rule in rules if not EXPECTATIONS[rule.kind].whole_rows)
    by_value = tuple(rule for rule in by_value if len(documents.at(rule.on)))
    if by_value:
        yield from _judge_values(by_value, documents)
    for rule in rules:
        if EXPECTATIONS[rule.kind].whole_rows and len(documents.at(rule.on)):
            yield from _judge_rows(rule, documents.at(rule.on))


def _judge_values(rules: tuple[Rule, ...], documents: Rows) -> Iterator[tuple[Rule, Fault]]:
    """Judge each different value that is new to this process, then spread all answers over rows."""
    columns = [_Distinct(key, of, documents) for key, of in _by_column(rules).items()]
    fresh = {column.key: column for column in columns if column.fresh}
    asked = tuple(rule for rule in rules if _column(rule) in fresh)
    if asked:
        size = max(len(column.fresh) for column in fresh.values())
        frame = pa.table({f"{at}": column.padded(size) for at, column in enumerate(fresh.values())})
        for number, wrong in _validate(_suite(asked), frame):
            fresh[_column(asked[number])].note(asked[number], wrong)
    for column in columns:
        column.remember()
        for rule in column.rules:
            mask = column.mask(rule)
            if mask is not None:
                yield rule, Fault(column.key[1], mask)


def _column(rule: Rule) -> _Column:
    """Name what a rule about values looks at: level, column, and whether only its presence."""
    return rule.on, str(rule.options["column"]), EXPECTATIONS[rule.kind].about_null


def _by_column(rules: tuple[Rule, ...]) -> dict[_Column, list[Rule]]:
    found: dict[_Column, list[Rule]] = {}
    for rule in rules:
        found.setdefault(_column(rule), []).append(rule)
    return found


class _Distinct:
    """The different values of one column, which row has which, and which rules each one breaks.

    What a rule said about a value holds for the whole process, so each is asked about once.
    """

    def __init__(self, key: _Column, rules: list[Rule], documents: Rows) -> None:
        self.key = key
        self.rules = rules
        level, name, presence = key
        column = documents.at(level).column(name)
        if presence:
            values, self._codes = _PRESENCE, pc.is_null(column).cast(pa.int32())
        else:
            coded = whole_numbers(column).dictionary_encode()
            values, self._codes = coded.dictionary, coded.indices
        self._kind = values.type
        self._values = values.to_pylist()
        self._broken = _memory((rules[0].entity.name, level, *(rule.version for rule in rules)))
        self.fresh = [value for value in self._values if value not in self._broken]
        self._answers: dict[Any, frozenset[str]] = dict.fromkeys(self.fresh, frozenset())

    def padded(self, size: int) -> pa.Array:
        """Give the fresh values, filled up to ``size`` with the last; ``note`` drops its echoes."""
        return pa.array(self.fresh + [self.fresh[-1]] * (size - len(self.fresh)), self._kind)

    def note(self, rule: Rule, places: Sequence[int]) -> None:
        """Note that the fresh values at ``places`` break ``rule``."""
        for value in {self.fresh[at] for at in places if at < len(self.fresh)}:
            self._answers[value] |= {rule.version}

    def remember(self) -> None:
        """Keep the answers for later batches, now that all of them are in."""
        self._broken.update(self._answers)

    def mask(self, rule: Rule) -> pa.Array | None:
        """Say for each row whether its value breaks ``rule``; None where no value does."""
        wrong = [at for at, value in enumerate(self._values) if rule.version in self._broken[value]]
        if not wrong:
            return None
        return pc.is_in(self._codes, value_set=pa.array(wrong, pa.int32()))


_remembered: dict[tuple[str, ...], dict[Any, frozenset[str]]] = {}


def _memory(versions: tuple[str, ...]) -> dict[Any, frozenset[str]]:
    """Find what rules of these versions said about values; forget all when it becomes much."""
    known = _remembered.setdefault(versions, {})
    if len(known) > _MOST_REMEMBERED:
        known.clear()
    return known


def _judge_rows(rule: Rule, rows: Rows) -> Iterator[tuple[Rule, Fault]]:
    """Judge an expectation that compares rows or columns; rows with a null are not judged."""
    names = EXPECTATIONS[rule.kind].columns(rule.options)
    arrays = [whole_numbers(rows.column(name)) for name in names]
    complete = pc.is_valid(arrays[0])
    for array in arrays[1:]:
        complete = pc.and_(complete, pc.is_valid(array))
    places = pc.indices_nonzero(complete)
    if len(places) == 0:
        return
    frame = pa.table({f"{at}": array.take(places) for at, array in enumerate(arrays)})
    for _, wrong in _validate(_suite((rule,)), frame):
        broken = places.take(pa.array(wrong, pa.int64()))
        mask = pc.is_in(pa.array(range(len(rows)), pa.uint64()), value_set=broken)
        expected = rows.column(names[1]) if "column_B" in rule.options else None
        yield rule, Fault(names[0], mask, expected)


def _validate(suite: Any, frame: pa.Table) -> list[tuple[int, list[int]]]:
    """Validate once; give (number of the expectation, positions of the rows that break it)."""
    with _one_at_a_time:
        batch = _batches().get_batch(batch_parameters={"dataframe": frame.to_pandas()})
        answer = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    broken = []
    for result in answer.results:  # in an order of its own, hence the number in meta
        meta = result.expectation_config.meta or {}
        crash = _crash(result.exception_info or {})
        if crash:
            raise Misconfigured(
                f"rule {meta.get('rule')!r} could not be judged: {crash}",
                where=str(meta.get("where", "")),
                fix="compare the options of the rule with the type of its field",
            )
        if not result.success:
            wrong = result.result.get("unexpected_index_list") or []
            broken.append((int(meta["number"]), [int(place) for place in wrong]))
    return broken


def _crash(info: dict[str, Any]) -> str:
    """Find the words of an exception in one of the two shapes of ``exception_info``."""
    for part in (info, *info.values()):
        if isinstance(part, dict) and part.get("raised_exception"):
            return str(part.get("exception_message") or "it crashed")
    return ""


@lru_cache(maxsize=64)
def _suite(rules: tuple[Rule, ...]) -> Any:
    """Compile rules into one ExpectationSuite over columns that are named by their number."""
    with _one_at_a_time:
        return _made_suite(_compiled(rules))


def _compiled(rules: tuple[Rule, ...]) -> list[Any]:
    by_value = not EXPECTATIONS[rules[0].kind].whole_rows
    places = {key: str(at) for at, key in enumerate(_by_column(rules))} if by_value else {}
    made = []
    for number, rule in enumerate(rules):
        declared = EXPECTATIONS[rule.kind]
        field = rule.field_of(declared.columns(rule.options)[0])
        options = {
            name: option_for_column(kind, rule.options[name], field)
            for name, kind in declared.options.items()
            if name in rule.options and not kind.startswith("column")
        }
        options |= {"column": places[_column(rule)]} if places else declared.numbered(rule.options)
        meta = {"number": number, "rule": rule.name, "where": rule.where}
        try:
            made.append(_expectation(rule.kind)(meta=meta, **options))
        except ValueError as error:
            raise Misconfigured(f"rule {rule.name}: {error}", where=rule.where) from None
    return made


def _expectation(kind: str) -> Any:
    return getattr(_library().expectations, "".join(f"Expect_{kind}".title().split("_")))


def _made_suite(made: list[Any]) -> Any:
    _batches()  # a context must be there before a suite
    return _library().ExpectationSuite("rules", expectations=made)


@cache
def _batches() -> Any:
    """Open an ephemeral context, silent and without files, and declare the frame that it reads."""
    library = _library()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = library.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("batch").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all")


@cache
def _library() -> Any:
    """Import Great Expectations, whose own dependencies warn of their age while they load.

    Two of them serve rules about distributions and charts only, and take a good third of the
    time: they stand by as a name, and load when something is asked of them.
    """
    stand_ins = [_Later(name) for name in ("altair", "scipy.stats") if name not in sys.modules]
    sys.modules.update({one.__name__: one for one in stand_ins})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import great_expectations
            import great_expectations.expectations
    finally:
        for one in stand_ins:
            if sys.modules.get(one.__name__) is one:
                del sys.modules[one.__name__]
    return great_expectations


class _Later(ModuleType):
    """A module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system itself asks
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)
