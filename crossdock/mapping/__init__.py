"""Mappings: source records to canonical documents, and documents to what a target wants.

YAML says what, named functions say how (``crossdock.convert``). docs/howto/mapping.md is the
guide, docs/schemas/mapping.schema.json the dialect.
"""

from __future__ import annotations

from crossdock.mapping.examples import examples, try_sample
from crossdock.mapping.mapping import Mapped, Mapping, load
from crossdock.mapping.when import Condition

__all__ = ["Condition", "Mapped", "Mapping", "examples", "load", "try_sample"]
