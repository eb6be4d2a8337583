"""Sample sales lines in the shape of UCI Online Retail, seeded, with all of its dirt.

``online_retail`` makes one row a line, every column as text, as a CSV file gives it:
InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country. The
words, customers and prices are made up; the kinds of dirt and their rates are those of the real
file (D. Chen, Online Retail, UCI Machine Learning Repository, 2015):

- exact duplicates of lines (1 %), lines without a customer (25 %) or a description (0.27 %);
- credit notes (numbers with C, negative quantities), and stock write-offs: one line with a
  negative quantity, price zero and no customer under a plain number;
- prices of zero, three corrections of bad debt (numbers with A, two of them negative);
- service codes (POST, DOT, C2, M and m, D, S, BANK CHARGES, AMAZONFEE, CRUK), gift vouchers, and
  PADS at a price of 0.001;
- countries that no list knows (EIRE, RSA, Channel Islands, European Community, Unspecified);
- invoices with two times, customers with two countries, one invoice whose lines do not stand
  together.

The same arguments give the same table, as long as NumPy stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from crossdock.errors import Misconfigured
from crossdock.sample_words import COUNTRIES, NOTES, SERVICES, SPECIAL_COUNTRIES, describe

_ALL: Final = 25_900  # invoices of the real file, on which the rates stand
_SALE, _GUEST, _CREDIT, _WRITE_OFF, _FOUND, _DEBT = range(6)
_SHARES: Final = {_GUEST: 1_230, _CREDIT: 3_836, _WRITE_OFF: 1_336, _FOUND: 1_179}
_MEAN_LINES: Final = {_SALE: 21.5, _GUEST: 107.0, _CREDIT: 2.4}
_PRODUCTS: Final = 4_000
_FIRST_INVOICE: Final = 536_365
_FIRST_CUSTOMER: Final = 12_346
_DEBT_PRICE: Final = 11_062_060
_QUANTITIES: Final = np.array([1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 25, 36, 48, 72, 100, 144, 432])
_QUANTITY_WEIGHTS: Final = np.array(
    [28, 15, 7, 7, 8, 5, 6, 10, 2, 5, 3, 1.5, 1.2, 0.5, 0.5, 0.2, 0.1]
)

_Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class _Lines:
    """The lines while they are made: one value a line, prices in thousandths of a pound."""

    order: _Numbers
    item: _Numbers  # into products, then services
    note: _Numbers  # into NOTES; -1: the item's own description, -2: none
    quantity: _Numbers
    price: _Numbers
    late: _Numbers  # minutes after the first line


def online_retail(orders: int, seed: int = 1, *, lines: int | None = None) -> pa.Table:
    """Make the lines of ``orders`` invoices, credit notes and corrections, as text.

    ``lines`` asks for exactly so many lines (the real file: 25,900 and 541,909). Every kind of
    dirt is there at least once. Raises Misconfigured for a number too small.
    """
    if orders < 100:
        raise Misconfigured("sample data needs at least 100 orders", fix="ask for 100 or more")
    rng = np.random.default_rng(seed)
    kinds = _kinds(rng, orders)
    sizes = _sizes(rng, kinds, lines)
    made = _lines(rng, kinds, sizes)
    _services(rng, kinds, sizes, made)
    _stock_lines(rng, kinds, made)
    _duplicates(rng, kinds, made)
    _two_times(rng, kinds, sizes, made)
    _slip(kinds, made)
    _debts(kinds, made)
    customers, countries = _buyers(rng, kinds)
    numbers = _numbers(kinds)
    codes = [*catalogue()[0], *(service.code for service in SERVICES)]
    table = pa.table(
        {
            "InvoiceNo": _pick(numbers, made.order),
            "StockCode": _pick(codes, made.item),
            "Description": _descriptions(made),
            "Quantity": _texts(made.quantity, str),
            "InvoiceDate": _times(_moments(rng, orders)[made.order] + made.late),
            "UnitPrice": _texts(made.price, _pounds),
            "CustomerID": _pick([*map(str, range(_FIRST_CUSTOMER, _FIRST_CUSTOMER + 6_000)), None],
                                customers[made.order]),
            "Country": _pick(list(COUNTRIES), countries[made.order]),
        }
    )  # fmt: skip
    return _torn(table, kinds, sizes)


def write_csv(table: pa.Table, path: Path) -> None:
    """Write ``table`` as UTF-8 CSV with a header, in quotes; a missing value is an empty field."""
    csv.write_csv(table, path)


# -- orders ---------------------------------------------------------------------------------------
def _count(share: float, orders: int) -> int:
    """Scale a count of the real file to ``orders``; at least one."""
    return max(1, round(share * orders / _ALL))


def _kinds(rng: np.random.Generator, orders: int) -> _Numbers:
    """Say of each order what it is; the debts are three in a row, at two thirds."""
    kinds = np.full(orders, _SALE)
    places = rng.permutation(np.delete(np.arange(orders), _debt_places(orders)))
    start = 0
    for kind, share in _SHARES.items():
        number = _count(share, orders)
        kinds[places[start : start + number]] = kind
        start += number
    kinds[_debt_places(orders)] = _DEBT
    return kinds


def _debt_places(orders: int) -> _Numbers:
    return orders * 2 // 3 + np.arange(3)


def _sizes(rng: np.random.Generator, kinds: _Numbers, lines: int | None) -> _Numbers:
    """Draw how many lines each order has; their sum is ``lines`` where it is given."""
    sizes = np.ones(len(kinds), dtype=np.int64)
    for kind, mean in _MEAN_LINES.items():
        chosen = kinds == kind
        drawn = rng.lognormal(np.log(mean) - 0.5, 1.0, int(chosen.sum()))
        sizes[chosen] = np.clip(np.rint(drawn), 1, 1_114)
    sales = np.flatnonzero((kinds == _SALE) | (kinds == _GUEST))
    sizes[sales[:3]] = np.maximum(sizes[sales[:3]], 5)
    if lines is None:
        return sizes
    if lines < len(kinds) + 3 * len(sales):
        raise Misconfigured(
            f"{lines} lines are too few for {len(kinds)} orders", fix="ask for 5 lines an order"
        )
    return _adjusted(sizes, sales, lines)


def _adjusted(sizes: _Numbers, sales: _Numbers, lines: int) -> _Numbers:
    """Stretch or shrink the sales until all sizes add up to ``lines``."""
    rest = lines - int(sizes.sum() - sizes[sales].sum())
    scaled = np.maximum(1, sizes[sales] * rest // int(sizes[sales].sum()))
    largest = np.argsort(-scaled, kind="stable")
    missing = rest - int(scaled.sum())
    step = 1 if missing > 0 else -1
    while missing:
        able = largest if step > 0 else largest[scaled[largest] > 1]
        some = able[: abs(missing)]
        scaled[some] += step
        missing -= step * len(some)
    sizes[sales] = scaled
    return sizes


def _numbers(kinds: _Numbers) -> list[str]:
    lead = {_CREDIT: "C", _DEBT: "A"}
    return [f"{lead.get(int(k), '')}{_FIRST_INVOICE + n}" for n, k in enumerate(kinds)]


def _moments(rng: np.random.Generator, orders: int) -> _Numbers:
    """Draw when each order was made: minutes since 2010-12-01, in opening hours, no Saturdays."""
    days = np.arange(374)
    days = days[(days + 2) % 7 != 5]  # 2010-12-01 was a Wednesday
    minutes = np.sort(rng.integers(26, len(days) * 720, orders))
    minutes[0] = 26
    found: _Numbers = days[minutes // 720] * 1_440 + 480 + minutes % 720
    return found


def _buyers(rng: np.random.Generator, kinds: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Choose customer (6,000: none) and country (into COUNTRIES) of each order."""
    orders = len(kinds)
    many = min(5_900, max(20, orders // 6))
    weights = np.array(list(COUNTRIES.values()), dtype=float)
    homes = rng.choice(len(weights), many, p=weights / weights.sum())
    names = list(COUNTRIES)
    homes[: len(SPECIAL_COUNTRIES)] = [names.index(name) for name in SPECIAL_COUNTRIES]
    customers = (rng.beta(0.7, 2.0, orders) * many).astype(np.int64)
    sales = rng.permutation(np.flatnonzero(kinds == _SALE))
    customers[sales[: len(SPECIAL_COUNTRIES)]] = np.arange(len(SPECIAL_COUNTRIES))
    countries = homes[customers]
    pairs = sales[len(SPECIAL_COUNTRIES) :][: 2 * _count(8, orders)].reshape(-1, 2)
    customers[pairs[:, 1]] = customers[pairs[:, 0]]
    countries[pairs[:, 1]] = (countries[pairs[:, 0]] + 1) % len(names)
    nobody = np.isin(kinds, [_GUEST, _WRITE_OFF, _FOUND, _DEBT])
    customers[nobody] = 6_000
    countries[nobody] = 0
    return customers, countries


# -- lines ----------------------------------------------------------------------------------------
@cache
def catalogue() -> tuple[tuple[str, ...], _Numbers]:
    """Make the codes and prices (thousandths) of the products, the same for every seed."""
    rng = np.random.default_rng(20_101_201)
    bases = rng.choice(np.arange(10_000, 90_000), _PRODUCTS, replace=False)
    tails = rng.choice(
        ["", "A", "B", "C", "D", "L", "a"], _PRODUCTS, p=[0.87] + [0.025] * 5 + [0.005]
    )
    codes = [f"{base}{tail}" for base, tail in zip(bases, tails, strict=True)]
    codes[3:5] = ["15056BL", "15056bl"]  # two products, not one
    pence = np.clip(np.rint(rng.lognormal(5.3, 0.9, _PRODUCTS) / 10) * 10 + 5, 9, 9_995)
    return tuple(codes), (pence * 10).astype(np.int64)


def _lines(rng: np.random.Generator, kinds: _Numbers, sizes: _Numbers) -> _Lines:
    """Draw products, quantities and prices of all lines as if there were no dirt."""
    order = np.repeat(np.arange(len(kinds)), sizes)
    n = len(order)
    item = _items(rng, order)
    steps = np.cumsum(_QUANTITY_WEIGHTS) / _QUANTITY_WEIGHTS.sum()
    quantity = _QUANTITIES[np.searchsorted(steps, rng.random(n), side="right")]
    guest = kinds[order] == _GUEST
    quantity[guest] = 1 + quantity[guest] % 3
    credit = kinds[order] == _CREDIT
    quantity[credit] *= -1
    price = catalogue()[1][item]
    cheap = rng.random(n) < 0.12
    price[cheap] = price[cheap] * 85 // 1_000 * 10
    price[guest] = price[guest] * 195 // 1_000 * 10 + 10
    price = np.maximum(price, 40)
    return _Lines(order, item, np.full(n, -1), quantity, price, np.zeros(n, dtype=np.int64))


def _items(rng: np.random.Generator, order: _Numbers) -> _Numbers:
    """Draw a product for each line, some more often than others, seldom twice in one order."""
    item = (rng.beta(0.6, 2.5, len(order)) * _PRODUCTS).astype(np.int64)
    for _ in range(3):
        _, first = np.unique(order * _PRODUCTS + item, return_index=True)
        again = np.ones(len(order), dtype=bool)
        again[first] = False
        item[again] = rng.integers(0, _PRODUCTS, int(again.sum()))
    return item


def _services(rng: np.random.Generator, kinds: _Numbers, sizes: _Numbers, made: _Lines) -> None:
    """Turn the last line of some orders into postage, fees, discounts, vouchers and the like."""
    ends = np.cumsum(sizes) - 1
    for kind, on in ((_SALE, "sale"), (_GUEST, "guest"), (_CREDIT, "credit")):
        free = rng.permutation(np.flatnonzero((kinds == kind) & (sizes > (kind != _CREDIT))))
        for number, service in enumerate(SERVICES):
            if service.on != on:
                continue
            some, free = np.split(free, [min(_count(service.often, len(kinds)), len(free))])
            lines = ends[some]
            factor = rng.lognormal(0, 0.6, len(lines)) if service.varies else 1.0
            made.item[lines] = _PRODUCTS + number
            made.quantity[lines] = -1 if kind == _CREDIT else 1
            exact = np.rint(service.price * factor / 10) * 10
            made.price[lines] = exact if service.varies else service.price


def _stock_lines(rng: np.random.Generator, kinds: _Numbers, made: _Lines) -> None:
    """Give write-offs and findings their price of zero and their notes; give some things away."""
    kind = kinds[made.order]
    lines = np.flatnonzero((kind == _WRITE_OFF) | (kind == _FOUND))
    made.price[lines] = 0
    made.quantity[lines] *= np.where(kind[lines] == _WRITE_OFF, -1, 1)
    spread = rng.random(len(lines))
    notes = rng.integers(0, len(NOTES), len(lines))
    made.note[lines] = np.where(spread < 0.58, -2, np.where(spread < 0.78, -1, notes))
    made.note[lines[:2]] = [-2, 0]
    sales = np.flatnonzero((kind == _SALE) & (made.item < _PRODUCTS))
    made.price[rng.choice(sales, _count(40, len(kinds)), replace=False)] = 0


def _duplicates(rng: np.random.Generator, kinds: _Numbers, made: _Lines) -> None:
    """Make one line in a hundred an exact copy of the line before it."""
    same = np.flatnonzero(
        (made.order[1:] == made.order[:-1])
        & (kinds[made.order[1:]] == _SALE)
        & (made.item[1:] < _PRODUCTS)
    )
    chosen = np.sort(rng.choice(same, max(1, len(made.order) // 100), replace=False)) + 1
    for values in (made.item, made.quantity, made.price, made.note):
        values[chosen] = values[chosen - 1]


def _two_times(rng: np.random.Generator, kinds: _Numbers, sizes: _Numbers, made: _Lines) -> None:
    """Let some invoices be typed while the minute changed."""
    able = np.flatnonzero((kinds == _SALE) & (sizes > 3))
    ends = np.cumsum(sizes)
    for order in rng.choice(able, _count(43, len(kinds)), replace=False):
        made.late[ends[order] - sizes[order] // 3 : ends[order]] = 1


def _slip(kinds: _Numbers, made: _Lines) -> None:
    """Let somebody type a huge quantity, and take it back."""
    kind = kinds[made.order]
    goods = made.item < _PRODUCTS
    sale = np.flatnonzero((kind == _SALE) & goods)[-1]
    credit = np.flatnonzero((kind == _CREDIT) & goods)[-1]
    made.item[credit], made.price[credit] = made.item[sale], made.price[sale]
    made.quantity[sale], made.quantity[credit] = 80_995, -80_995


def _debts(kinds: _Numbers, made: _Lines) -> None:
    lines = np.flatnonzero(kinds[made.order] == _DEBT)
    made.item[lines] = _PRODUCTS + len(SERVICES) - 1
    made.quantity[lines] = 1
    made.price[lines] = _DEBT_PRICE * np.array([1, -1, -1])


# -- text -----------------------------------------------------------------------------------------
def _pick(values: list[str | None] | list[str], which: _Numbers) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(which))


def _texts(values: _Numbers, spell: Any) -> pa.Array:
    distinct, which = np.unique(values, return_inverse=True)
    return _pick([spell(value) for value in distinct.tolist()], which)


def _pounds(thousandths: int) -> str:
    """Spell thousandths of a pound.

    >>> _pounds(2550), _pounds(1), _pounds(-11062060), _pounds(0)
    ('2.55', '0.001', '-11062.06', '0')
    """
    whole, part = divmod(abs(thousandths), 1_000)
    text = f"{whole}.{part:03d}".rstrip("0").rstrip(".")
    return f"-{text}" if thousandths < 0 else text


def _times(minutes: _Numbers) -> pa.Array:
    start = np.datetime64("2010-12-01T00:00:00", "s")
    return _texts(minutes, lambda minute: str(start + minute * 60).replace("T", " "))


def _descriptions(made: _Lines) -> pa.Array:
    own = [describe(number) for number in range(_PRODUCTS)]
    values = [*own, *(service.description for service in SERVICES), *NOTES, None]
    notes = _PRODUCTS + len(SERVICES) + made.note
    which = np.where(made.note == -1, made.item, np.where(made.note == -2, len(values) - 1, notes))
    return _pick(values, which)


def _torn(table: pa.Table, kinds: _Numbers, sizes: _Numbers) -> pa.Table:
    """Move the last line of one invoice behind the lines of the next."""
    order = int(np.flatnonzero((kinds[:-1] == _SALE) & (sizes[:-1] > 3))[1])
    end = int(sizes[: order + 1].sum())
    after = end + int(sizes[order + 1])
    rows = np.arange(table.num_rows)
    rows[end - 1 : after] = np.roll(rows[end - 1 : after], -1)
    return table.take(pa.array(rows))
