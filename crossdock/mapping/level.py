"""One level of a mapping run: the fields of the documents, or of the parts of one list.

Fields are made when they are asked for, so that a product can stand above its factors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from crossdock.convert.columns import arrow_type, as_text
from crossdock.errors import Misconfigured
from crossdock.mapping import groups
from crossdock.mapping.bag import Bag
from crossdock.mapping.columns import Cells, Converted, convert, finished
from crossdock.mapping.derived import ORIGINS
from crossdock.mapping.faults import Faults
from crossdock.mapping.frames import Column, Frame, Ints, Mask, Path, Rows
from crossdock.mapping.joined import Joined
from crossdock.mapping.paths import ROOT, Known, dotted
from crossdock.mapping.spec import Also, Fields, Listed, Value

DERIVED = frozenset({"multiply", "add", "subtract", "sum"})


@dataclass
class Run:
    """What all levels of one run share: the head of the records, faults, unknown fields."""

    head: Frame
    faults: Faults
    known: Known
    new_fields: dict[str, int] = field(default_factory=dict)


class Level:
    """Fields over the rows of one frame; ``sorting`` is the order in which parts come out."""

    def __init__(
        self,
        fields: Fields,
        frame: Frame,
        run: Run,
        above: Level | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        self.fields = fields
        self.keeps = keeps or above is None
        self.frame = frame
        self.run = run
        self.above = above
        self.sorting: Ints | None = None
        self.bag = Bag()
        self._cells: dict[str, Cells] = {}
        self._lists: dict[str, Level | Joined] = {}

    @property
    def offsets(self) -> Ints:
        """Offsets of the rows by the rows of the level above."""
        return self.frame.offsets_in(self.above.frame) if self.above else np.arange(2)

    # -- fields -----------------------------------------------------------------------------
    def cells(self, name: str) -> Cells:
        """The finished column of one field."""
        if name not in self._cells:
            value = self.fields[name]
            assert isinstance(value, Value)  # noqa: S101 - lists have levels of their own
            self._cells[name] = self._finish(value)
        return self._cells[name]

    def evaluate(self) -> None:
        """Make all columns of this level and below, so that all faults are known."""
        for name, item in self.fields.items():
            if isinstance(item, Listed):
                self.list(name).evaluate()
            else:
                self.cells(name)

    def _finish(self, value: Value) -> Cells:
        """Make a column, fill in its default, and complain where a required value is missing."""
        cells, bad = self.made(value)
        missing = (cells.codes < 0) & ~bad
        if not missing.any():
            return cells
        if value.default is not None:
            kind = arrow_type(value.holds) if value.holds else cells.values.type
            filled = pa.concat_arrays([cells.values, pa.array([value.default], kind)])
            return Cells(filled, np.where(missing, len(cells.values), cells.codes))
        if value.required:
            if value.origin in DERIVED:  # a factor that is at fault has been named already
                missing &= ~self.run.faults.held[self.frame.records]
            rows = np.flatnonzero(missing)
            path = dotted(value.path) if value.path else value.name
            text = f"{value.name} is missing"
            self.run.faults.add(
                self.frame, rows, path, [None] * len(rows), [text] * len(rows), "required"
            )
        return cells

    def made(self, value: Value) -> tuple[Cells, Mask]:
        """Make a column; answer it, and which rows were bad."""
        if value.origin == "path":
            return self._from_path(value)
        cells, bad = ORIGINS[value.origin](self, value)
        if value.conversion is None or value.origin == "constant":
            return cells, bad
        cells, worse = self._converted(value, Column(cells.values, cells.codes, {}), self.frame)
        return cells, bad | worse

    def _converted(self, value: Value, column: Column, frame: Frame) -> tuple[Cells, Mask]:
        converted = convert(value, column, self._beside(value, frame))
        self._report(value, converted, frame)
        return finished(converted)

    # -- values by path ---------------------------------------------------------------------
    def _from_path(self, value: Value) -> tuple[Cells, Mask]:
        if value.path[:1] == (ROOT,):
            head = Level({}, self.run.head, self.run)
            cells, bad = head._read(value, value.path[1:])
            rows = self.frame.parents_in(self.run.head)
            return cells.at(rows), bad[rows]
        return self._read(value, value.path)

    def _read(self, value: Value, path: Path) -> tuple[Cells, Mask]:
        frame, rest = self.frame.crossing(path, value.take is not None) or (self.frame, path)
        column = frame.column(rest)
        if column is None:
            return self._absent(value, frame, path)
        blocked = np.zeros(frame.size, np.bool_)
        if column.wrong:
            rows = np.array(sorted(column.wrong), np.int64)
            blocked[rows] = True
            texts = [column.wrong[row] for row in rows.tolist()]
            self.run.faults.add(frame, rows, dotted(rest), [None] * len(rows), texts, "shape")
        cells, bad = self._converted(value, column, frame)
        if frame is self.frame:
            return cells, bad | blocked
        return self._taken(value, cells, bad | blocked, frame, path)

    def _absent(self, value: Value, frame: Frame, path: Path) -> tuple[Cells, Mask]:
        """Answer for a field that the source does not have in any row."""
        size = self.frame.size
        bad = np.zeros(size, np.bool_)
        if not value.optional and isinstance(frame, Rows):
            rows = np.arange(size)
            text = "the source has no such field: correct the path, or say optional"
            self.run.faults.add(
                self.frame, rows, dotted(path), [None] * size, [text] * size, "absent"
            )
            bad[:] = True
        empty = pa.nulls(0, arrow_type(value.holds or "text"))
        return Cells(empty, np.full(size, -1, np.int64)), bad

    def _beside(self, value: Value, frame: Frame) -> Cells | None:
        conversion = value.conversion
        if conversion is None or not conversion.beside or conversion.beside in value.options:
            return None
        level: Level | None = self
        while level is not None and conversion.beside not in level.fields:
            level = level.above
        if level is None:
            raise Misconfigured(
                f"as: {conversion.name} of {value.name} needs a field {conversion.beside!r}",
                fix=f"map {conversion.beside}, or write it beside as: {conversion.name}",
            )
        return level.cells(conversion.beside).at(frame.parents_in(level.frame))

    def _report(self, value: Value, converted: Converted, frame: Frame) -> None:
        """Turn complaints about distinct values into faults of rows."""
        if converted.bad:
            rows = self._rows_of(converted, set(converted.bad), frame)
            codes = converted.codes[rows].tolist()
            texts = as_text(converted.texts)
            path = dotted(value.path) if value.path else value.name
            for rule in {rule for _, rule in converted.bad.values()}:
                mine = [at for at, code in enumerate(codes) if converted.bad[code][1] == rule]
                self.run.faults.add(
                    frame,
                    rows[mine],
                    path,
                    [texts[codes[at]].as_py() for at in mine],
                    [converted.bad[codes[at]][0] for at in mine],
                    rule,
                )
        if converted.unmapped:
            rows = self._rows_of(converted, set(converted.unmapped), frame)
            keeper = self if self.keeps or self.above is None else self.above
            owners = frame.parents_in(keeper.frame)[rows].tolist()
            for owner, code in zip(owners, converted.codes[rows].tolist(), strict=True):
                keeper.bag.keep(owner, dotted(value.path), converted.texts[code].as_py())

    def _rows_of(self, converted: Converted, codes: set[int], frame: Frame) -> Ints:
        """First row of each record and bad value, since one complaint is enough."""
        rows = np.flatnonzero(np.isin(converted.codes, list(codes)))
        if frame is self.frame:
            return rows
        keys = frame.parents_in(self.frame)[rows] * (len(converted.values) + 1)
        _, first = np.unique(keys + converted.codes[rows], return_index=True)
        found: Ints = rows[np.sort(first)]
        return found

    def _taken(
        self, value: Value, cells: Cells, bad: Mask, frame: Frame, path: Path
    ) -> tuple[Cells, Mask]:
        """Choose one value per row of this level out of those below it."""
        offsets = frame.offsets_in(self.frame)
        how = value.take or "only"
        codes, differ = groups.take(cells.values, cells.codes, offsets, how)
        counted = np.concatenate([[0], np.cumsum(bad)])
        bad_here = counted[offsets[1:]] > counted[offsets[:-1]]
        do = value.differs or ("fault" if how == "only" else "ignore")
        rows = np.flatnonzero(differ & ~bad_here) if do != "ignore" else np.zeros(0, np.int64)
        for row in rows.tolist():
            inner = cells.codes[offsets[row] : offsets[row + 1]]
            chosen = cells.values.take(pa.array(np.unique(inner[inner >= 0])))
            texts = sorted(set(as_text(chosen).to_pylist()))
            if do == "note":
                self.bag.note(row, dotted(path), texts)
                self._keep_own(cells, frame, range(offsets[row], offsets[row + 1]), dotted(path))
            else:
                place = self.frame.place(row) + dotted(path)
                record = int(self.frame.records[row])
                text = f"the rows of one record differ in {value.name}"
                self.run.faults.one(record, place, " | ".join(texts), text, "differs")
                bad_here[row] = True
        return Cells(cells.values, codes), bad_here

    def _keep_own(self, cells: Cells, frame: Frame, rows: range, name: str) -> None:
        """Where the rows of a record differ in a head field, each line keeps its own value."""
        for item, listed in self.fields.items():
            below = self.list(item) if isinstance(listed, Listed) else None
            if not isinstance(below, Level) or below.frame.size != frame.size:
                continue
            for row in rows:
                if cells.codes[row] >= 0:
                    own = cells.values.take(pa.array([cells.codes[row]]))
                    below.bag.keep(row, name, as_text(own)[0].as_py())

    # -- lists --------------------------------------------------------------------------------
    def list(self, name: str) -> Level | Joined:
        """The level of one list, its parts chosen and sorted."""
        if name not in self._lists:
            listed = self.fields[name]
            assert isinstance(listed, Listed)  # noqa: S101
            level = self._opened(listed)
            extra = [self._part(also, listed) for also in listed.also]
            self._lists[name] = Joined([level, *extra]) if extra else level
        return self._lists[name]

    def _part(self, also: Also, listed: Listed) -> Level:
        """A level for parts that are made of this level's own rows."""
        mask = also.where.rows(self.frame) if also.where else np.ones(self.frame.size, np.bool_)
        frame = self.frame.pick(np.flatnonzero(mask))
        frame.below(self.frame, "", np.concatenate([[0], np.cumsum(mask)]))
        return Level(also.fields, frame, self.run, self, keeps=listed.keeps)

    def _opened(self, listed: Listed) -> Level:
        frame, wrong = self.frame.items(listed.path, listed.one_or_many)
        rows = np.array(sorted(wrong), np.int64)
        texts = [wrong[row] for row in rows.tolist()]
        self.run.faults.add(
            self.frame, rows, dotted(listed.path), [None] * len(rows), texts, "shape"
        )
        if listed.where is not None:
            frame = frame.where(listed.where.rows(frame))
        level = Level(listed.fields, frame, self.run, self, keeps=listed.keeps)
        if listed.order_by:
            columns = [frame.column(path) for path in listed.order_by]
            found = [column for column in columns if column is not None]
            level.sorting = groups.order(found, frame.parents_in(self.frame))
        return level
