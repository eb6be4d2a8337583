"""What the sandbox shop takes: the shapes of its write bodies, and its words for what is wrong."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Customer(_Body):
    """Who buys."""

    id: str | int | None = None
    name: str | None = None
    phone: str | None = None


class Address(_Body):
    """Where the goods go."""

    name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class LineItem(_Body):
    """One line of an order; amounts are text."""

    id: str | int | None = None
    sku: Text
    gtin: str | None = None
    title: str | None = None
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | Amount
    price: Amount
    tax_rate: Amount | None = None
    total: Amount | None = None


class OrderBody(_Body):
    """A new order; ``number`` is the caller's, the shop gives ``id`` and the times."""

    number: Text
    currency: Currency
    line_items: Annotated[list[LineItem], Field(min_length=1)]
    total: Amount
    email: str | None = None
    customer: Customer | None = None
    shipping_address: Address | None = None
    shipping_total: Amount | None = None
    tax_total: Amount | None = None
    discount_total: Amount | None = None
    placed_at: str | None = None
    note: str | None = None


class StockBody(_Body):
    """How much of a product lies at a location."""

    sku: Text | None = None
    on_hand: Annotated[int, Field(ge=0)] | Amount
    location: Text = "main"


class PriceBody(_Body):
    """The price of a product."""

    sku: Text | None = None
    currency: Currency
    amount: Amount
    tax_included: bool = False


def read(kind: type[_Body], data: bytes) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Read a write body; gives the body as sent and the errors by field (empty when it is good).

    Raises ValueError where the bytes are not a JSON object.
    """
    body = json.loads(data)
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    errors: dict[str, list[str]] = {}
    try:
        kind.model_validate(body)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False, include_context=False, include_input=False):
            name = ".".join(str(part) for part in error["loc"])
            errors.setdefault(name, []).append(error["msg"])
    return body, errors
