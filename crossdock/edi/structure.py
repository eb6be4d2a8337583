"""Which segment may follow which: segment groups, order, repeats and what is mandatory.

A guide's structure is a tree of segments and groups. From a node and a tag follow moves, which
depend on nothing but the tree, so each is worked out once; only repeats are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from crossdock.edi.finding import Finding

_LINE = re.compile(
    r"(?P<indent> *)(?P<name>[A-Z0-9]+) (?P<status>[MCRDOAN]) (?P<most>\d+)\s*(?:#.*)?"
)
MANDATORY = frozenset("MR")


@dataclass(eq=False)
class Node:
    """A segment, or a group with ``children`` of which the first is its trigger."""

    name: str
    status: str
    most: int
    parent: Node | None
    index: int = 0
    last: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        """Whether this is a group of segments."""
        return bool(self.children)

    @property
    def tag(self) -> str:
        """The tag of the segment, or of the group's trigger."""
        return self.children[0].name if self.children else self.name

    @property
    def mandatory(self) -> bool:
        """Whether a message (or the group around) without it is wrong."""
        return self.status in MANDATORY

    @cached_property
    def path(self) -> str:
        """Groups down to the segment: ``SG25/SG28/PRI``."""
        above = self.parent.path if self.parent and self.parent.parent else ""
        return f"{above}/{self.name}" if above else self.name


@dataclass(frozen=True)
class Move:
    """From one segment to the next: where to, what is counted, what was skipped.

    ``start`` and ``zeros`` reset the counters of a group that begins anew.
    """

    target: int
    counter: int
    most: int
    start: int
    stop: int
    zeros: list[int]
    missing: tuple[Node, ...]

    @property
    def step(self) -> Step:
        """The move as a plain tuple: it is taken for every segment of every message."""
        return self.target, self.counter, self.most, self.start, self.stop, self.zeros


Step = tuple[int, int, int, int, int, list[int]]


def parse(text: str) -> Node:
    """Read the indented notation of a guide: name, status and repeats in each line.

    Raises ValueError with the line for anything else.
    """
    root = Node("", "M", 1, None)
    stack: list[tuple[int, Node]] = [(-1, root)]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(
                f"line {number} of structure, {line.strip()!r}, is not such as 'BGM M 1'"
            )
        indent = len(found["indent"])
        while stack[-1][0] >= indent:
            stack.pop()
        node = Node(found["name"], found["status"], int(found["most"]), stack[-1][1])
        stack[-1][1].children.append(node)
        stack.append((indent, node))
    return root


def numbered(root: Node) -> list[Node]:
    """Give every node its index in reading order and list them; the root is number 0."""
    nodes: list[Node] = []

    def visit(node: Node) -> None:
        node.index = len(nodes)
        nodes.append(node)
        for child in node.children:
            visit(child)
        node.last = len(nodes)

    visit(root)
    return nodes


class Structure:
    """The compiled tree of one guide, shared by all messages that it checks."""

    def __init__(self, root: Node) -> None:
        self.nodes = numbered(root)
        self.root = root
        self._moves: list[dict[str, tuple[Move, ...]]] = [{} for _ in self.nodes]
        self.fast: list[dict[str, Step | None]] = [{} for _ in self.nodes]
        """For each node the one move that a tag allows without any fault, filled on use."""

    def moves(self, state: int, tag: str) -> tuple[Move, ...]:
        """All places where ``tag`` may stand after ``state``, the nearest first."""
        known = self._moves[state].get(tag)
        if known is None:
            known = tuple(self._search(self.nodes[state], tag)) if 2 <= len(tag) <= 3 else ()
            if len(self._moves[state]) < 400:  # tags come from outside
                self._moves[state][tag] = known
                self.fast[state][tag] = known[0].step if known and not known[0].missing else None
        return known

    def _search(self, node: Node, tag: str) -> Iterator[Move]:
        missing: list[Node] = []
        if node.parent is None:  # the beginning of a message
            yield from self._among(node.children, tag, missing)
            return
        if node.name == tag and node is not node.parent.children[0]:
            yield self._to(node, ())
        while node.parent is not None:
            siblings = node.parent.children
            yield from self._among(siblings[siblings.index(node) + 1 :], tag, missing)
            node = node.parent
            if node.parent is not None and node.tag == tag and node.most:
                yield self._to(node, tuple(missing))

    def _among(self, nodes: list[Node], tag: str, missing: list[Node]) -> Iterator[Move]:
        for node in nodes:
            if node.tag == tag and node.most and node.status != "N":
                yield self._to(node, tuple(missing))
            if node.mandatory:
                missing.append(node)

    @staticmethod
    def _to(node: Node, missing: tuple[Node, ...]) -> Move:
        if node.is_group:
            start, stop = node.index + 1, node.last
            zeros = [0] * (stop - start)
            zeros[0] = 1
            return Move(start, node.index, node.most, start, stop, zeros, missing)
        return Move(node.index, node.index, node.most, 0, 0, [], missing)

    def allowed(self, state: int) -> list[str]:
        """Tags that may follow ``state`` without a fault, for the sentence of a finding."""

        def open_to(move: Move) -> bool:
            return not move.missing and not (move.target == state and move.most == 1)

        tags = {node.tag for node in self.nodes[1:]}
        return sorted(tag for tag in tags if any(map(open_to, self.moves(state, tag))))


class Walk:
    """One message on its way through a structure."""

    def __init__(self, structure: Structure, name: str) -> None:
        self._structure = structure
        self._name = name
        self.state = 0
        self.counts = [0] * len(structure.nodes)

    def take(self, move: Move) -> None:
        """Go where ``move`` leads, counting."""
        counts = self.counts
        counts[move.counter] += 1
        if move.start:
            counts[move.start : move.stop] = move.zeros
        self.state = move.target

    def step(self, tag: str, following: str, position: int) -> list[Finding]:
        """Take ``tag``; ``following`` is the tag behind it, which shows who is the intruder."""
        moves = self._structure.moves(self.state, tag)
        for move in moves:
            if not move.missing and self.counts[move.counter] < move.most:
                self.take(move)
                return []
        whole = next((move for move in moves if not move.missing), None)
        if whole is not None:
            self.take(whole)
            return [self._too_many(whole, tag, position)]
        if not moves or self._intrudes(moves[0], following):
            return [self._unexpected(tag, position)]
        move = min(moves, key=lambda one: len(one.missing))
        self.take(move)
        return [self._missing(node, tag, position) for node in move.missing]

    def _intrudes(self, move: Move, following: str) -> bool:
        """The next segment goes on from here, but could not go on from where ``move`` leads."""
        stays = any(not one.missing for one in self._structure.moves(self.state, following))
        leads = any(not one.missing for one in self._structure.moves(move.target, following))
        return stays and not leads

    def _too_many(self, move: Move, tag: str, position: int) -> Finding:
        node = self._structure.nodes[move.counter]
        what = f"group {node.path}" if node.is_group else node.path
        count = self.counts[move.counter]
        return Finding(
            "structure",
            f"{what} comes for the {count}. time, {self._name} allows {node.most}",
            "36" if node.is_group else "35",
            segment=position,
            path=self._structure.nodes[move.target].path,
            expected=f"at most {node.most}",
            actual=str(count),
        )

    def _unexpected(self, tag: str, position: int) -> Finding:
        here = self._structure.nodes[self.state]
        allowed = self._structure.allowed(self.state)
        listed = ", ".join(allowed[:12]) + (", ..." if len(allowed) > 12 else "")
        known = any(node.tag == tag for node in self._structure.nodes[1:])
        what = f"{tag} stands in the wrong place" if known else f"{tag} does not belong into it"
        return Finding(
            "structure",
            f"{what}: after {here.path or 'the beginning'} {self._name} allows {listed}",
            "15",
            segment=position,
            path="/".join(filter(None, [here.path.rpartition("/")[0], tag])),
            expected=listed,
            actual=tag,
        )

    def _missing(self, node: Node, tag: str, position: int) -> Finding:
        what = f"group {node.path} (it begins with {node.tag})" if node.is_group else node.path
        return Finding(
            "structure",
            f"{what} is missing before {tag}; {self._name} makes it mandatory",
            "13",
            segment=position,
            path=f"{node.path}/{node.tag}" if node.is_group else node.path,
            expected=node.tag,
            actual=tag,
        )
