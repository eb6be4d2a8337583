"""The key of a document: organisation, shop and id as one text that stands for no other three."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_OWNER = r"^(?:[^|\\]|\\.)*\|(?:[^|\\]|\\.)*\|"


def keys(table: pa.Table) -> Any:
    r"""Give the key of each document of a canonical table (columns organisation, shop, id).

    >>> owned = {"organisation": ["x", "x"], "shop": ["a", "a|b"], "id": ["b|1", "1"]}
    >>> keys(pa.table(owned)).to_pylist()
    ['x|a|b|1', 'x|a\\|b|1']
    """
    owner = (_escaped(table[name]) for name in ("organisation", "shop"))
    return pc.binary_join_element_wise(*owner, pc.fill_null(table["id"], ""), "|")


def _escaped(names: pa.ChunkedArray) -> Any:
    plain = pc.replace_substring(pc.fill_null(names, ""), "\\", "\\\\")
    return pc.replace_substring(plain, "|", "\\|")


def ids(found: Any) -> Any:
    r"""Give the ids out of keys.

    >>> ids(pa.array(["x|a|b|1", "x|a\\|b|1"])).to_pylist()
    ['b|1', '1']
    """
    return pc.replace_substring_regex(found, _OWNER, "")
