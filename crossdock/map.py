"""The step map: raw records in, canonical documents and faults out. It touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from crossdock.mapping.faults import Faults
from crossdock.mapping.mapping import Mapping
from crossdock.mapping.source import Source


@dataclass(frozen=True)
class MapResult:
    """What became of a raw batch; ``passed, held = map(...)`` works as well.

    ``passed`` has the documents by entity, ordered by ``record``; ``held`` every fault
    (record, path, value, message, rule); ``new_fields`` counts unknown source fields by path.
    """

    passed: dict[str, pa.Table]
    held: pa.Table
    new_fields: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[dict[str, pa.Table] | pa.Table]:
        yield self.passed
        yield self.held


def map(batch: pa.Table, mappings: Sequence[Mapping]) -> MapResult:  # noqa: A001 - the step
    """Map a raw batch: each record by the first mapping whose ``when`` takes it.

    Every record is in ``passed`` once or in ``held``, with one exception: a deletion without
    content has nothing to map, and the caller books it from the raw batch's ``deleted``. A
    record that no mapping takes is held under the rule ``no_mapping``. Raises Misconfigured
    where the batch has another shape than a mapping reads.
    """
    source = Source(batch)
    faults = Faults(source.size)
    source.report(faults)
    passed: dict[str, list[pa.Table]] = {}
    new_fields: dict[str, int] = {}
    left = source.readable()
    for mapping in mappings:
        records = left
        if mapping.when is not None:
            taken = mapping.when.rows(source.frame(left))
            records, left = left[taken], left[~taken]
        else:
            left = left[:0]
        if not len(records):
            continue
        documents, unknown = mapping.read(source, records, faults)
        passed.setdefault(mapping.entity, []).append(documents)
        for path, count in unknown.items():
            new_fields[path] = new_fields.get(path, 0) + count
    for record in left.tolist():
        faults.one(record, "", None, "no mapping takes this record", "no_mapping")
    together = {name: _together(tables) for name, tables in passed.items()}
    return MapResult(together, faults.table(), new_fields)


def _together(tables: list[pa.Table]) -> pa.Table:
    """Put the documents of several mappings in the order of their records."""
    if len(tables) == 1:
        return tables[0]
    table = pa.concat_tables(tables)
    order = np.argsort(table.column("record").to_numpy(), kind="stable")
    return table.take(pa.array(order))
