"""The canonical model: every entity, declared once.

``entity("sales_order")`` gives the declaration; its properties give the Arrow schema, the
pydantic model, the JSON Schema and the columns of the typed tables. docs/reference/entities.md
lists every field.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from crossdock.errors import Misconfigured
from crossdock.model.entity import KEY_NAMES, Column, Entity
from crossdock.model.fields import Field, near
from crossdock.model.invoice import INVOICE
from crossdock.model.order import ORDER_RESPONSE, PURCHASE_ORDER, SALES_ORDER
from crossdock.model.party import LOCATION, PARTY
from crossdock.model.payment import PAYMENT
from crossdock.model.product import PRICE, PRODUCT
from crossdock.model.report import SALES_REPORT
from crossdock.model.shipment import RECEIVING_ADVICE, RETURN, SHIPMENT
from crossdock.model.stock import STOCK_LEVEL

ENTITIES: Mapping[str, Entity] = MappingProxyType(
    {
        declared.name: declared
        for declared in (
            PRODUCT,
            PRICE,
            STOCK_LEVEL,
            PARTY,
            LOCATION,
            SALES_ORDER,
            ORDER_RESPONSE,
            PURCHASE_ORDER,
            SHIPMENT,
            RECEIVING_ADVICE,
            INVOICE,
            PAYMENT,
            RETURN,
            SALES_REPORT,
        )
    }
)
"""All entities by name, in the order in which the reference lists them."""


def entity(name: str) -> Entity:
    """Find an entity by name; raises Misconfigured with the nearest name when there is none.

    >>> entity("sales_order").amount_field
    'total_amount'
    """
    if name not in ENTITIES:
        raise Misconfigured(f"there is no entity {name!r}", fix=near(name, list(ENTITIES)))
    return ENTITIES[name]


__all__ = ["ENTITIES", "KEY_NAMES", "Column", "Entity", "Field", "entity"]
