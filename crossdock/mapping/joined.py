"""A list of several origins as one: parts of the source's list, then those made of the head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from crossdock.mapping import groups
from crossdock.mapping.columns import Cells
from crossdock.mapping.derived import numbered
from crossdock.mapping.frames import Ints
from crossdock.mapping.spec import Fields, Value

if TYPE_CHECKING:
    from crossdock.mapping.level import Level


class Joined:
    """Levels whose rows come out together, head by head, in the order of ``parts``."""

    sorting: Ints | None = None

    def __init__(self, parts: Sequence[Level]) -> None:
        above = parts[0].above
        assert above is not None  # noqa: S101 - a list has a head
        self.parts = parts
        self.fields: Fields = {
            name: item for part in reversed(parts) for name, item in part.fields.items()
        }
        owners = [np.repeat(np.arange(above.frame.size), np.diff(part.offsets)) for part in parts]
        together = np.concatenate(owners)
        self._order = np.argsort(together, kind="stable")
        counts = np.bincount(together, minlength=above.frame.size)
        self.offsets: Ints = np.concatenate([[0], np.cumsum(counts)])

    def evaluate(self) -> None:
        """Make all columns of all parts."""
        for part in self.parts:
            part.evaluate()

    def cells(self, name: str) -> Cells:
        """The column of one field over all parts, in their final order."""
        value = self.fields[name]
        if isinstance(value, Value) and value.origin == "number":
            return numbered(value, groups.numbers(self.offsets, None))
        kinds = [part.cells(name).values.type for part in self.parts if name in part.fields]
        arrays = [
            part.cells(name).array(part.sorting)
            if name in part.fields
            else pa.nulls(part.frame.size, kinds[0])
            for part in self.parts
        ]
        return Cells.of(self.merged(arrays))

    def merged(self, arrays: Sequence[Any]) -> Any:
        """Put arrays of the parts, each in its own final order, into one."""
        kind = next((array.type for array in arrays if not pa.types.is_null(array.type)), None)
        same = [array.cast(kind) if kind else array for array in arrays]
        return pa.concat_arrays(same).take(pa.array(self._order))
