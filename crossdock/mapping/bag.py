"""The extension bag: what a source says and no mapping names, so that nothing gets lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from crossdock.mapping import json_text
from crossdock.mapping.columns import Cells
from crossdock.mapping.faults import Faults
from crossdock.mapping.frames import Frame, Ints, Objects, Rows, RowsHead
from crossdock.mapping.paths import Known

DIFFERS = "differs"


class Bag:
    """Entries of one level by row: originals that a value table could not carry, and notes."""

    def __init__(self) -> None:
        self._entries: dict[int, dict[str, Any]] = {}

    def keep(self, row: int, name: str, text: str) -> None:
        """Keep the original text of a source field; several different ones become a list."""
        entries = self._entries.setdefault(row, {})
        known = entries.get(name)
        if known is None:
            entries[name] = text
        elif text != known and not (isinstance(known, list) and text in known):
            entries[name] = sorted([*(known if isinstance(known, list) else [known]), text])

    def note(self, row: int, name: str, texts: list[str]) -> None:
        """Note that the rows of one record differ in a field; a suite can see it."""
        self._entries.setdefault(row, {}).setdefault(DIFFERS, {})[name] = texts

    def put(self, row: int, entries: dict[str, Any]) -> None:
        """Add fields that no mapping names."""
        self._entries[row] = {**entries, **self._entries.get(row, {})}

    def rest(self, size: int) -> Rest:
        """Give the entries, and which of ``size`` rows has which (-1: none)."""
        chosen = sorted(self._entries)
        codes = np.full(size, -1, np.int64)
        codes[chosen] = np.arange(len(chosen))
        return [self._entries[row] for row in chosen], codes

    def cells(self, frame: Frame, rest: Rest, faults: Faults) -> Cells:
        """Write the bag as JSON, one text per row that has something in it."""
        if not self._entries:
            objects, codes = rest
        else:
            rows = dict(enumerate(rest[1].tolist()))
            for row, code in rows.items():
                if code >= 0:
                    self.put(row, rest[0][code])
            objects, codes = self.rest(frame.size)
        texts = [json_text.write(item) for item in objects]
        _refuse_nul(frame, texts, codes, faults)
        return Cells(pa.array(texts, pa.string()), codes)


Rest = tuple[list[dict[str, Any]], Ints]


def _refuse_nul(frame: Frame, texts: list[str], codes: Ints, faults: Faults) -> None:
    bad = [code for code, text in enumerate(texts) if "\\u0000" in text]
    rows = np.flatnonzero(np.isin(codes, bad)) if bad else np.zeros(0, np.int64)
    text = "a field that no mapping names holds a NUL character"
    faults.add(frame, rows, "extension", [None] * len(rows), [text] * len(rows), "text")


def unknown(frame: Frame, known: Known, name: str, counts: dict[str, int]) -> Rest:
    """Find what a level's rows hold that the mapping does not know, counted by path.

    ``name`` is the level's list (empty at the head). Answers distinct objects and which row has
    which (-1: nothing unknown).
    """
    if isinstance(frame, Objects):
        return _unknown_objects(frame, known, name, counts)
    if isinstance(frame, Rows):
        return _unknown_rows(frame, known, name, counts)
    if isinstance(frame, RowsHead):
        return _unknown_head(frame, known, counts)
    return [], np.full(frame.size, -1, np.int64)


def _unknown_objects(frame: Objects, known: Known, name: str, counts: dict[str, int]) -> Rest:
    path = f"{name}[]" if name else ""
    found: list[dict[str, Any]] = []
    codes = np.full(frame.size, -1, np.int64)
    for row, item in enumerate(frame.objects):
        kept = known.rest(item, path, counts)
        if kept is not None:
            codes[row] = len(found)
            found.append(kept if isinstance(kept, dict) else {"value": kept})
    return found, codes


def _unknown_rows(frame: Rows, known: Known, name: str, counts: dict[str, int]) -> Rest:
    """Combine the unknown columns by distinct combination, so that no row is looked at alone."""
    fields: list[tuple[str, list[Any]]] = []
    combined = np.zeros(frame.size, np.int64)
    for field in frame.parts:
        if field in known.inner:
            continue
        column = frame.column((field,))
        assert column is not None  # noqa: S101 - the name comes from the frame
        texts = [None if text == "" else text for text in column.values.to_pylist()]
        there = np.append(np.array([text is not None for text in texts], np.bool_), False)
        count = int(there[column.codes].sum())
        if count:
            counts[f"{name}[].{field}" if name else field] = count
            combined = combined * (len(texts) + 1) + column.codes + 1
            _, combined = np.unique(combined, return_inverse=True)
            fields.append((field, [texts, column.codes]))
    if not fields:
        return [], np.full(frame.size, -1, np.int64)
    _, first = np.unique(combined, return_index=True)
    found = [_row_object(fields, int(row)) for row in first]
    return found, np.where(np.array([bool(item) for item in found])[combined], combined, -1)


def _row_object(fields: list[tuple[str, list[Any]]], row: int) -> dict[str, Any]:
    made = {}
    for name, (texts, codes) in fields:
        code = int(codes[row])
        if code >= 0 and texts[code] is not None:
            made[name] = texts[code]
    return made


def _unknown_head(frame: RowsHead, known: Known, counts: dict[str, int]) -> Rest:
    """Bring what rows hold to their record: one text where they agree, a list where not."""
    name = frame.rows.name
    objects, codes = _unknown_rows(frame.rows, known, name, counts)
    bag = Bag()
    owners = frame.rows.parents
    for row in np.flatnonzero(codes >= 0).tolist():
        for field, text in objects[codes[row]].items():
            bag.keep(int(owners[row]), field, text)
    return bag.rest(frame.size)
