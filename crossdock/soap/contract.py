"""The contract of a service: its WSDL with all imports, fetched once, pinned by hash, compared.

Every document lies in one folder under its hash, with references turned into local names, and zeep
reads only from there: a WSDL cannot make it open a file or another host.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from crossdock import xml
from crossdock.errors import Misconfigured, Unreadable

Fetch = Callable[[str], bytes]

MAIN = "main.wsdl"
_MOST = 50
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_REFERENCES = {
    f"{_WSDL}import": "location",
    f"{_XSD}import": "schemaLocation",
    f"{_XSD}include": "schemaLocation",
    f"{_XSD}redefine": "schemaLocation",
}
_ADDRESSES = {
    "{http://schemas.xmlsoap.org/wsdl/soap/}address",
    "{http://schemas.xmlsoap.org/wsdl/soap12/}address",
}


@dataclass(frozen=True)
class Contract:
    """A WSDL with its imports: ``sha256`` covers all of it but the address of the service.

    ``files`` are the documents by local name, ``address`` is where the WSDL says the service is.
    """

    sha256: str
    files: Mapping[str, bytes]
    address: str

    def keep(self, folder: Path) -> Path:
        """Write the documents under their hash in ``folder``; gives the path of the WSDL."""
        kept = folder / self.sha256
        if not (kept / MAIN).exists():
            part = folder / f"{self.sha256}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for name, data in self.files.items():
                (part / name).write_bytes(data)
            part.replace(kept)
        return kept / MAIN


def collect(location: str, fetch: Fetch) -> Contract:
    """Fetch the WSDL at ``location`` (a URL, or an absolute path) with all that it refers to.

    References must lead to the same host, or into the same folder. Raises Misconfigured for
    others and for what is no WSDL.
    """
    names: dict[str, str] = {location: MAIN}
    files: dict[str, bytes] = {}
    waiting = [location]
    digest = hashlib.sha256()
    address = ""
    while waiting:
        at = waiting.pop(0)
        root = _parsed(fetch(at), at)
        for reference, attribute in _references(root):
            target = _beside(reference.get(attribute), at, location)
            if target not in names:
                if len(names) >= _MOST:
                    raise Misconfigured("the WSDL refers to more than 50 documents", where=location)
                names[target] = f"part-{len(names)}.xml"
                waiting.append(target)
            reference.set(attribute, names[target])
        files[names[at]] = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        for element in root.iter(*_ADDRESSES):
            address = address or element.get("location", "")
            element.set("location", "")
        digest.update(etree.tostring(root, method="c14n", with_comments=False))
    return Contract(digest.hexdigest(), files, address)


def _parsed(data: bytes, at: str) -> Any:
    try:
        root = xml.parse(data, at)
    except Unreadable as error:
        raise Misconfigured(
            f"there is no WSDL: {error.what}", where=at, fix="open the address in a browser"
        ) from None
    if root.tag not in {f"{_WSDL}definitions", f"{_XSD}schema"}:
        raise Misconfigured("this is neither a WSDL nor a schema", where=at)
    return root


def _references(root: Any) -> list[tuple[Any, str]]:
    return [
        (element, attribute)
        for tag, attribute in _REFERENCES.items()
        for element in root.iter(tag)
        if element.get(attribute)
    ]


def _beside(reference: str, base: str, main: str) -> str:
    """Resolve a reference; it must stay on the host, or in the folder, of the main document."""
    if urlsplit(main).scheme in {"http", "https"}:
        target = urljoin(base, reference)
        if urlsplit(target)[:2] != urlsplit(main)[:2]:
            raise Misconfigured(
                f"the WSDL refers to another place: {target}",
                where=main,
                fix="save it with its imports in the project and give the path of the file",
            )
        return target
    folder = Path(main).parent.resolve()
    path = (Path(base).parent / reference).resolve()
    if "://" in reference or not path.is_relative_to(folder):
        raise Misconfigured(
            f"the WSDL refers to another place: {reference}",
            where=main,
            fix="put what it imports beside it and correct schemaLocation",
        )
    return str(path)


Signatures = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Difference:
    """What changed between two contracts: lines for people, and whether calls may break."""

    lines: tuple[str, ...]
    breaking: bool


def compare(old: Signatures, new: Signatures, used: set[str]) -> Difference:
    """Compare operations (name -> path -> type) as ``Service.signatures`` gives them.

    Breaking is, in an operation of ``used``: removed, a field removed or of another type, or a
    field that a request must have now.

    >>> one = {"Get": {"in.No": "string", "out.Name": "string"}}
    >>> two = {"Get": {"in.No": "int", "out.Name": "string", "out.Note": "string?"}}
    >>> compare(one, two, {"Get"})
    Difference(lines=('~ Get in.No: string -> int', '+ Get out.Note: string?'), breaking=True)
    """
    lines: list[str] = []
    breaking = False
    for name in sorted(set(old) | set(new)):
        if name not in new or name not in old:
            lines.append(f"{'-' if name in old else '+'} {name}")
            breaking |= name in used and name in old
            continue
        before, after = old[name], new[name]
        for path in sorted(set(before) | set(after)):
            was, now = before.get(path), after.get(path)
            if was == now:
                continue
            if was is None:
                lines.append(f"+ {name} {path}: {now}")
                breaks = path.startswith("in.") and not str(now).endswith(("?", "*"))
            elif now is None:
                lines.append(f"- {name} {path}: {was}")
                breaks = True
            else:
                lines.append(f"~ {name} {path}: {was} -> {now}")
                breaks = True
            breaking |= breaks and name in used
    return Difference(tuple(lines), breaking)
