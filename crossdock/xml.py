"""Safe XML: no DTD, no entities, no network, bounded depth; and records as JSON-shaped data.

The convention of ``plain``: an attribute is ``@name``, an element is its text where it has
neither attributes nor children, else an object with its text under ``#text``; a repeated element
is a list. Names are local; ``xsi:nil`` is null. An element that may repeat but stands alone is
no list, so say with ``lists`` which paths always are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from lxml import etree

from crossdock.errors import Unreadable

LARGEST = 64 << 20
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}


def parse(data: bytes, where: str = "") -> Any:
    """Give the root element of a document of at most 64 MB; raises Unreadable.

    >>> parse(b"<a><b/></a>").tag
    'a'
    """
    if len(data) > LARGEST:
        raise Unreadable("the document is larger than 64 MB", where=where)
    try:
        root = etree.fromstring(data, etree.XMLParser(**_SAFE))
    except etree.XMLSyntaxError as error:
        raise _unreadable(error, where) from None
    _refuse_dtd(root, where)
    return root


def records(
    file: BinaryIO, path: str, namespace: str | None, lists: Collection[str], where: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, record) of each element at the dotted ``path`` from the root, streaming.

    ``namespace`` is the URI that these elements must have; None takes any.
    Raises Unreadable for what is no XML, has a DOCTYPE, is cut off or has another root.
    """
    names = path.split(".")
    stack: list[str] = []
    number = 0
    try:
        context: Any = etree.iterparse(
            file, events=("start", "end"), remove_comments=True, remove_pis=True, **_SAFE
        )
        for event, element in context:
            if event == "start":
                if not stack:
                    _refuse_dtd(element, where)
                    _verify_root(element, names[0], where)
                stack.append(etree.QName(element).localname)
                continue
            if stack == names:
                _verify_namespace(element, namespace, where)
                number += 1
                yield number, _record(element, lists)
            stack.pop()
            if len(stack) < len(names):
                _forget(element)
    except etree.XMLSyntaxError as error:
        raise _unreadable(error, where) from None


def _record(element: Any, lists: Collection[str]) -> dict[str, Any]:
    value = plain(element, lists)
    return value if isinstance(value, dict) else {"#text": value}


def plain(element: Any, lists: Collection[str] = (), at: str = "") -> Any:
    """Turn an element into plain data.

    >>> plain(parse(b'<o id="1"><l>a</l><l>b</l><n/></o>'))
    {'@id': '1', 'l': ['a', 'b'], 'n': ''}
    """
    if element.get(_NIL) in {"true", "1"}:
        return None
    result: dict[str, Any] = {
        f"@{etree.QName(name).localname}": value
        for name, value in element.attrib.items()
        if name != _NIL
    }
    text = element.text or ""
    for child in element:
        text += child.tail or ""
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        below = f"{at}.{name}" if at else name
        value = plain(child, lists, below)
        if name in result:
            known = result[name]
            result[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            result[name] = [value] if below in lists else value
    if not result:
        return text
    if text.strip():
        result["#text"] = text
    return result


def _refuse_dtd(element: Any, where: str) -> None:
    info = element.getroottree().docinfo
    if info.doctype or info.internalDTD is not None:
        raise Unreadable("the document has a DOCTYPE, which is refused", where=where)


def _verify_root(element: Any, name: str, where: str) -> None:
    found = etree.QName(element).localname
    if found != name:
        raise Unreadable(
            f"the root is {found!r}, not {name!r}",
            where=where,
            fix="correct records: in the stream, it begins with the root",
        )


def _verify_namespace(element: Any, namespace: str | None, where: str) -> None:
    found = etree.QName(element).namespace or ""
    if namespace is not None and found != namespace:
        raise Unreadable(
            f"the records are in the namespace {found!r}, not {namespace!r}",
            where=f"{where}:{element.sourceline}",
        )


def _forget(element: Any) -> None:
    """Free what was read: the element's content and everything before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _unreadable(error: etree.XMLSyntaxError, where: str) -> Unreadable:
    line = error.lineno or 0
    what = (error.msg or "").split(",")[0]
    if what.startswith(("Document is empty", "no element")):
        what = "the document is empty"
    return Unreadable(
        f"this is not XML: {what}", where=f"{where}:{line}" if where else f"line {line}"
    )
