"""Sample data of a shop with a JSON API: orders, products, stock and prices, seeded.

An order has this shape; amounts are text in the currency's own decimals, prices are without tax:

    {"id": 1001, "number": "S1001", "status": "open", "currency": "EUR",
     "created_at": "2026-01-05T09:00:00+01:00", "updated_at": "2026-01-05T09:07:00+01:00",
     "email": "customer.7@example.com",
     "customer": {"id": 7, "name": "Ada Okafor", "phone": "+44 113 496 0007"},
     "shipping_address": {"name", "street", "city", "postal_code", "country": "GB"},
     "line_items": [{"id": 1, "sku", "gtin", "title", "quantity": 2, "price": "2.55",
                     "tax_rate": "20", "total": "5.10"}],
     "shipping_total", "tax_total", "discount_total", "total", "note"}

``total`` is the sum of the lines' totals plus shipping and tax less discount. With ``dirt`` some
orders have a GTIN with a wrong check digit, a total that is one unit off, a decimal comma, a
country that does not exist (UK) or an emoji in a name; others go to Namibia, whose code NA is
valid though careless readers take it for a missing value.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from crossdock.model.codes import minor_units
from crossdock.sample_data import catalogue
from crossdock.sample_words import CITIES, FIRST_NAMES, LAST_NAMES, STREETS, describe

Record = dict[str, Any]

_START: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_HOURS: Final = {"DE": 1, "FR": 1, "ES": 1, "PL": 1, "NA": 2, "KW": 3, "JP": 9}
_CURRENCIES: Final = {"GB": "GBP", "JP": "JPY", "KW": "KWD", "NA": "EUR"}
_RATES: Final = {"GBP": "20", "EUR": "19", "JPY": "10", "KWD": "0"}
_STATUSES: Final = ("open", "open", "open", "confirmed", "shipped", "completed", "cancelled")
_SKUS: Final = 400


def shop_orders(
    orders: int, seed: int = 1, *, first: int = 1001, dirt: bool = True
) -> list[Record]:
    """Make ``orders`` orders with ids from ``first`` on, oldest change first.

    With ``dirt`` each kind of dirt is in one order of a hundred, and at least once from 12 orders.
    """
    source = random.Random(seed)  # noqa: S311 - sample data, nothing secret
    made = [_order(source, first + number, number) for number in range(orders)]
    if dirt:
        for place, spoil in enumerate(_DIRT):
            for number in range(place + 1, orders, max(len(_DIRT) + 1, 100)):
                spoil(made[number])
    return made


def shop_products(products: int = _SKUS, seed: int = 1) -> list[Record]:
    """Make products: sku, gtin, title, category, status, tax_rate, weight in kg, origin."""
    source = random.Random(seed)  # noqa: S311
    return [
        {
            "sku": sku,
            "gtin": gtin(number),
            "title": describe(number),
            "category": f"Home > {describe(number).split()[-1].title()}",
            "status": "active" if source.random() < 0.95 else "discontinued",
            "tax_rate": "20",
            "weight": f"{source.randrange(5)}.{source.randrange(1, 1_000):03d}",
            "weight_unit": "kg",
            "origin_country": source.choice(("GB", "CN", "IN", "PT", "NA")),
            "updated_at": _at(source, number, 0),
        }
        for number, sku in enumerate(catalogue()[0][:products])
    ]


def shop_stock(products: int = _SKUS, seed: int = 1) -> list[Record]:
    """Make stock: sku, location, on_hand (whole, never negative) and updated_at."""
    source = random.Random(seed)  # noqa: S311
    return [
        {
            "sku": sku,
            "location": "main",
            "on_hand": source.choice((0, source.randrange(1, 40), source.randrange(40, 2_000))),
            "updated_at": _at(source, number, 0),
        }
        for number, sku in enumerate(catalogue()[0][:products])
    ]


def shop_prices(products: int = _SKUS, seed: int = 1) -> list[Record]:
    """Make prices in pounds: sku, currency, amount, tax_included and updated_at."""
    source = random.Random(seed)  # noqa: S311
    codes, prices = catalogue()
    return [
        {
            "sku": sku,
            "currency": "GBP",
            "amount": _money(int(price) // 10, "GBP"),
            "tax_included": False,
            "updated_at": _at(source, number, 0),
        }
        for number, (sku, price) in enumerate(zip(codes[:products], prices, strict=False))
    ]


def write_ndjson(records: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write one JSON object a line, as UTF-8."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def gtin(number: int) -> str:
    """Give the GTIN-13 of product ``number``, check digit included.

    >>> gtin(0)
    '5099900000000'
    """
    body = f"50999{number:07d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


# -- one order ------------------------------------------------------------------------------------
def _order(source: random.Random, ident: int, number: int) -> Record:
    country = source.choice([*CITIES, "GB", "GB", "GB", "DE", "FR"])
    currency = _CURRENCIES.get(country, "EUR")
    lines = [
        _line(source, place, currency) for place in range(1, source.choice((1, 1, 2, 3, 4, 8)) + 1)
    ]
    goods = sum(line["minor"] for line in lines)
    shipping = 0 if goods > 50_000 else _minor(499, currency)
    discount = goods // 10 if source.random() < 0.15 else 0
    tax = sum(_tax(line["minor"], currency) for line in lines) + _tax(shipping, currency)
    hours = _HOURS.get(country, 0)
    return {
        "id": ident,
        "number": f"S{ident}",
        "status": source.choice(_STATUSES),
        "currency": currency,
        "created_at": _at(source, number, hours),
        "updated_at": _at(source, number, hours, minutes=7),
        **_buyer(source, country),
        "line_items": [{k: v for k, v in line.items() if k != "minor"} for line in lines],
        "shipping_total": _money(shipping, currency),
        "tax_total": _money(tax, currency),
        "discount_total": _money(discount, currency),
        "total": _money(goods + shipping + tax - discount, currency),
        "note": source.choice(("", "", "", "Please ring twice", "Gift: «С днём рождения»")),
    }


def _line(source: random.Random, place: int, currency: str) -> Record:
    product = int(source.betavariate(0.7, 2) * _SKUS)
    price = _minor(int(catalogue()[1][product]) // 10, currency)
    quantity = source.choice((1, 1, 1, 2, 2, 3, 4, 6, 12))
    return {
        "id": place,
        "sku": catalogue()[0][product],
        "gtin": gtin(product),
        "title": describe(product),
        "quantity": quantity,
        "price": _money(price, currency),
        "tax_rate": _RATES[currency],
        "total": _money(price * quantity, currency),
        "minor": price * quantity,
    }


def _buyer(source: random.Random, country: str) -> Record:
    customer = source.randrange(1, 900)
    first = FIRST_NAMES[customer % len(FIRST_NAMES)]
    last = LAST_NAMES[customer // len(FIRST_NAMES) % len(LAST_NAMES)]
    city, postal_code = CITIES[country]
    return {
        "email": f"customer.{customer}@example.com",
        "customer": {
            "id": customer,
            "name": f"{first} {last}",
            "phone": f"+44 113 496 {customer:04d}",
        },
        "shipping_address": {
            "name": f"{first} {last}",
            "street": f"{customer % 98 + 1} {STREETS[customer % len(STREETS)]}",
            "city": city,
            "postal_code": postal_code,
            "country": country,
        },
    }


def _at(source: random.Random, number: int, hours: int, minutes: int = 0) -> str:
    """Spell an instant with an offset; later for a larger ``number``."""
    moment = _START + timedelta(minutes=11 * number + minutes, seconds=source.randrange(60))
    return moment.astimezone(timezone(timedelta(hours=hours))).isoformat()


def _minor(pence: int, currency: str) -> int:
    """Turn pence into about as much in the smallest unit of ``currency``."""
    return {"JPY": pence * 2, "KWD": pence * 4}.get(currency, pence)


def _tax(minor: int, currency: str) -> int:
    """Tax of an amount in smallest units, half a unit rounded up."""
    return (minor * int(_RATES[currency]) * 2 + 100) // 200


def _money(minor: int, currency: str) -> str:
    """Spell an amount in smallest units.

    >>> _money(255, "GBP"), _money(255, "JPY"), _money(5, "KWD"), _money(-5, "GBP")
    ('2.55', '255', '0.005', '-0.05')
    """
    digits = minor_units(currency) or 0
    text = f"{abs(minor):0{digits + 1}d}"
    plain = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return f"-{plain}" if minor < 0 else plain


# -- dirt -----------------------------------------------------------------------------------------
def _wrong_check_digit(order: Record) -> None:
    item = order["line_items"][0]
    item["gtin"] = f"{item['gtin'][:-1]}{(int(item['gtin'][-1]) + 1) % 10}"


def _one_unit_off(order: Record) -> None:
    text = order["total"]
    minor = int(text.replace(".", "")) + 1
    order["total"] = _money(minor, order["currency"])


def _decimal_comma(order: Record) -> None:
    item = order["line_items"][0]
    item["price"] = item["price"].replace(".", ",") if "." in item["price"] else "1.234,50"


def _wrong_country(order: Record) -> None:
    order["shipping_address"]["country"] = "UK"


def _emoji(order: Record) -> None:
    order["customer"]["name"] = "Zoë 👩🏽‍🚀 Müller"
    order["line_items"][0]["title"] = 'MUG "I ❤ TEA" \t 🫖'


def _namibia(order: Record) -> None:
    order["shipping_address"] |= {"country": "NA", "city": "Windhoek", "postal_code": "10005"}


_DIRT: Final[tuple[Callable[[Record], None], ...]] = (
    _wrong_check_digit,
    _one_unit_off,
    _decimal_comma,
    _wrong_country,
    _emoji,
    _namibia,
)
