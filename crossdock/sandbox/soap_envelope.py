"""SOAP 1.1 on the sandbox's side: read a request, check it against the schema, write answers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ERP = "urn:crossdock:sandbox:erp:1"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_XS = "http://www.w3.org/2001/XMLSchema"

Element = Any  # lxml's elements; its stubs name a private class


class Fault(Exception):  # noqa: N818 - the word of SOAP
    """A SOAP fault to answer with; ``code`` is Client or Server."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def wsdl(url: str) -> bytes:
    """Give the WSDL with ``url`` as the address of its port."""
    return Path(__file__).with_name("erp.wsdl").read_bytes().replace(b"{url}", url.encode())


def schema() -> Any:
    """Compile the schema in the WSDL; raises nothing for a well-kept file."""
    root: Element = etree.fromstring(wsdl("http://127.0.0.1"))
    own = etree.tostring(root.find(f".//{{{_XS}}}schema"))  # with the prefixes of its parents
    return etree.XMLSchema(etree.fromstring(own))


def parse(data: bytes, rules: Any) -> tuple[Element, Element | None]:
    """Read a request: gives its one body element, valid by ``rules``, and its header.

    Raises Fault (Client) for what is not XML, not SOAP or not valid.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root: Element = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Fault("Client", f"the request is not XML: {error.msg}") from None
    if root.getroottree().docinfo.doctype:
        raise Fault("Client", "a document type is not allowed")
    body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
        raise Fault("Client", "the request is not a SOAP 1.1 envelope with one body element")
    if not rules.validate(etree.ElementTree(body[0])):
        raise Fault("Client", f"the request is not valid: {rules.error_log.last_error.message}")
    return body[0], root.find(f"{{{SOAP}}}Header")


def username(header: Element | None, secret: str) -> str | None:
    """Give the user of a WS-Security UsernameToken when its text or digest fits ``secret``."""
    token = None if header is None else header.find(f"{{{_WSSE}}}Security/{{{_WSSE}}}UsernameToken")
    if token is None:
        return None
    given = token.findtext(f"{{{_WSSE}}}Password") or ""
    nonce = base64.b64decode(token.findtext(f"{{{_WSSE}}}Nonce") or "")
    created = token.findtext(f"{{{_WSU}}}Created") or ""
    hashed = hashlib.sha1(nonce + created.encode() + secret.encode())  # noqa: S324 - WS-Security says so
    expected = base64.b64encode(hashed.digest()).decode()
    return token.findtext(f"{{{_WSSE}}}Username") if given in {secret, expected} else None


def values(element: Element) -> dict[str, Any]:
    """Turn an element into a dict of text; children that repeat by the schema become lists."""
    found: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        value = values(child) if len(child) else (child.text or "")
        if name in {"Line", "Order"} or (name.endswith("No") and _asks(element)):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _asks(element: Element) -> bool:
    return bool(etree.QName(element).localname.startswith("Find"))


def answer(name: str, content: Mapping[str, Any]) -> bytes:
    """Write the envelope with the element ``name``; lists repeat, None is left out."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "erp": ERP})
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    _fill(etree.SubElement(body, f"{{{ERP}}}{name}"), content)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _fill(element: Element, content: Mapping[str, Any]) -> None:
    for name, value in content.items():
        tag = name if name.startswith("{") else f"{{{ERP}}}{name}"
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            child = etree.SubElement(element, tag)
            if isinstance(item, Mapping):
                _fill(child, item)
            else:
                child.text = str(item)


def fault(code: str, message: str) -> bytes:
    """Write a SOAP fault."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    node = etree.SubElement(etree.SubElement(root, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault")
    etree.SubElement(node, "faultcode").text = f"soap:{code}"
    etree.SubElement(node, "faultstring").text = message
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
