"""Write docs/reference/faults.md: each fault of the catalogue beside the tests that prove it.

``python -m tests.faults.page`` writes it; `make docs` does.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.catalogue import Fault, catalogue

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "faults.md"

HEAD = """\
# Faults

<!-- written by `make docs` from tests/faults/catalogue.yaml and the marks of the tests -->

What can go wrong on the way of a record, what must come of it, and which test proves it. Each test
runs the real thing: databases, sockets, servers and files. {tested} of {all} faults are tested;
where none is, the reason stands in its place. *Slow* tests are run by `make test-all`, *long* ones
by `make rig`; a *gap* is a test that shows a fault which the hub does not live with yet, and does
not count.

```sh
.venv/bin/python -m pytest tests -m "fault and not slow and not long"
```
"""


@dataclass(frozen=True)
class Proof:
    """A test that is marked: where it stands, and whether it is slow, long or a known gap."""

    path: Path
    name: str
    kind: str

    def shown(self) -> str:
        """Give a link to the test's file."""
        place = f"../../{self.path.relative_to(ROOT).as_posix()}"
        return f"[{self.name}]({place}){f' *{self.kind}*' if self.kind else ''}"


@functools.cache
def proofs() -> dict[str, list[Proof]]:
    """Find the marked tests, by the names of the faults; their files are read, not imported."""
    found: dict[str, list[Proof]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, proof in _marked(path):
            known = found.setdefault(name, [])
            if proof not in known:
                known.append(proof)
    return found


def _marked(path: Path) -> Iterator[tuple[str, Proof]]:
    """Look at the decorators of each test, the marks of parameters in them too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    whole = _kind(
        [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        ]
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and "test" in node.name.lower():
            kind = _kind(node.decorator_list) or whole
            for name in _faults(node.decorator_list):
                yield name, Proof(path, node.name, kind)


def _faults(decorators: list[ast.expr]) -> Iterator[str]:
    for decorator in decorators:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "fault":
                yield from (ast.literal_eval(name) for name in node.args)


def _kind(decorators: list[ast.expr]) -> str:
    words = {
        node.attr
        for decorator in decorators
        for node in ast.walk(decorator)
        if isinstance(node, ast.Attribute)
    }
    for mark, kind in (("xfail", "gap"), ("long", "long"), ("slow", "slow")):
        if mark in words:
            return kind
    return ""


def proven() -> list[Fault]:
    """List the faults that some test proves."""
    known = proofs()
    return [
        one
        for name, one in catalogue().items()
        if any(proof.kind != "gap" for proof in known.get(name, ()))
    ]


def page() -> str:
    """Make the page as text."""
    known = proofs()
    lines = [HEAD.format(tested=len(proven()), all=len(catalogue()))]
    chapter = ""
    for one in catalogue().values():
        if one.chapter != chapter:
            chapter = one.chapter
            lines += [f"\n## {chapter}\n", "| | what goes wrong | what must come of it | tested |",
                      "|---|---|---|---|"]  # fmt: skip
        where = ", ".join(proof.shown() for proof in known.get(one.name, ()))
        if one.untested:
            where = f"{where}; not: {one.untested}" if where else f"no: {one.untested}"
        lines.append(f"| {one.name} | {one.wrong} | {one.wanted} | {where} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
