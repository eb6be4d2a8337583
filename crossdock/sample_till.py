"""Sample exports of a till and orders of an EDI partner, seeded, with a fault each to be found."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_ARTICLES = (("ЧАЙ-001", "3.49"), ("КОФЕ-250", "7.95"), ("СУШКИ-12", "1.20"), ("МЁД-500", "11.00"))
_ITEMS = (
    ("4000862141404", "Tea caddy", "4.25"),
    ("5412345000013", "Lantern, white", "3.39"),
    ("4012345678901", "Cake tin", "7.50"),
)


def till_receipts(count: int = 40, seed: int = 1) -> bytes:
    """Write a till's CSV: semicolons, decimal commas, windows-1251; one total is wrong.

    Columns: Beleg (receipt), Datum, Artikel, Menge, Preis, Summe, Waehrung.
    """
    chance = random.Random(seed)  # noqa: S311 - sample data, no secret
    lines = ["Beleg;Datum;Artikel;Menge;Preis;Summe;Waehrung"]
    moment = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    for number in range(1, count + 1):
        moment += timedelta(minutes=chance.randint(1, 12))
        bought = chance.sample(_ARTICLES, chance.randint(1, 3))
        for article, price in bought:
            quantity = chance.randint(1, 5)
            total = Decimal(price) * quantity
            if number == count and article == bought[0][0]:
                total += Decimal("0.10")  # somebody corrected the last receipt by hand
            lines.append(
                f"K{number:05};{moment:%d.%m.%Y %H:%M};{article};{quantity};"
                f"{_comma(price)};{_comma(total)};EUR"
            )
    return ("\r\n".join(lines) + "\r\n").encode("windows-1251")


def partner_orders(first: int = 1, count: int = 6, seed: int = 1) -> bytes:
    """Write an interchange of ORDERS (D.96A, EAN008) from the demo partner to us.

    The last message says a wrong number of segments; the others are right.
    """
    chance = random.Random(seed)  # noqa: S311
    reference = f"{first:06}"
    segments = ["UNA:+.? ", f"UNB+UNOC:3+4098765000003:14+4012345000009:14+261120:0900+{reference}"]
    for number in range(first, first + count):
        message = [
            f"UNH+{number}+ORDERS:D:96A:UN:EAN008",
            f"BGM+220+PO{number:05}+9",
            "DTM+137:20261120:102",
            "DTM+2:20261127:102",
            "NAD+BY+4098765000003::9",
            "NAD+SU+4012345000009::9",
            "NAD+DP+4098765000003::9",
            "CUX+2:EUR:9",
        ]
        chosen = chance.sample(_ITEMS, chance.randint(1, 3))
        for line, (gtin, name, price) in enumerate(chosen, 1):
            quantity = chance.randint(1, 24)
            message += [
                f"LIN+{line}++{gtin}:EN",
                f"IMD+F++:::{name}",
                f"QTY+21:{quantity}",
                f"MOA+203:{Decimal(price) * quantity}",
                f"PRI+AAA:{price}",
            ]
        message += ["UNS+S", f"CNT+2:{len(chosen)}"]
        wrong = 1 if number == first + count - 1 else 0
        message.append(f"UNT+{len(message) + 1 + wrong}+{number}")
        segments += message
    segments.append(f"UNZ+{count}+{reference}")
    return (segments[0] + "'" + "'".join(segments[1:]) + "'").encode("latin-1")


def _comma(amount: Decimal | str) -> str:
    return str(amount).replace(".", ",")
