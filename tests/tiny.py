"""A whole project in a folder: a shop's database, three rules, a warehouse's database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]

FILES = {
    "config/systems/shop.yaml": """\
about: The till's own database.
connector: sql
settings: {url: {env: TINY_SHOP_URL}}
streams:
  orders:
    table: orders
    key: [number]
    money: {sum: total, currency: currency}
    children: {lines: {table: order_lines, parent: [number], order: [line]}}
""",
    "config/systems/depot.yaml": """\
about: Where reporting reads.
connector: sql
settings: {url: {env: TINY_DEPOT_URL}}
streams:
  orders:
    delivery: upsert
    key: [order_no]
    table: orders
    create: true
    money: total
    children: {lines: {table: order_lines}}
""",
    "mappings/shop/sales_order.yaml": """\
from: shop.orders
to: sales_order
defaults: {zone: Europe/Berlin, decimal: "."}
fields:
  id: number
  issued_at: {path: placed, as: instant, format: "%Y-%m-%d %H:%M:%S"}
  currency: currency
  buyer_id: {path: buyer, optional: true}
  lines:
    each: lines
    fields:
      line_id: line
      product_id: sku
      quantity: {path: quantity, as: quantity}
      unit_price: {path: price, as: decimal}
      line_amount: {multiply: [quantity, unit_price]}
  line_amount: {sum: lines.line_amount}
  total_amount: {path: total, as: decimal}
ignore: [lines.number]
examples: [examples/orders.yaml]
""",
    "mappings/shop/examples/orders.yaml": """\
- name: one line
  given:
    number: "1"
    placed: "2026-03-01 09:30:00"
    currency: EUR
    total: "5"
    lines: [{number: "1", line: "1", sku: TEA, quantity: "1", price: "5"}]
  expect:
    id: "1"
    issued_at: "2026-03-01T08:30:00Z"
    currency: EUR
    line_amount: 5
    total_amount: 5
    lines:
      - {line_id: "1", product_id: TEA, quantity: 1, unit_price: 5, line_amount: 5}
- name: a total that is no number
  given: {number: "1", placed: "2026-03-01 09:30:00", currency: EUR, total: five, lines: []}
  faults: [{path: total, rule: decimal}]
""",
    "mappings/depot/sales_order.yaml": """\
from: sales_order
to: depot.orders
fields:
  order_no: id
  placed_at: issued_at
  buyer: {path: buyer_id, optional: true}
  currency: currency
  total: total_amount
  lines:
    each: lines
    fields: {line: line_id, sku: product_id, quantity: quantity, price: unit_price}
examples: [examples/orders.yaml]
""",
    "mappings/depot/examples/orders.yaml": """\
- name: one line
  given:
    organisation: tiny
    shop: till
    id: "1"
    issued_at: "2026-03-01T08:30:00Z"
    currency: EUR
    total_amount: 5
    lines:
      - {line_id: "1", product_id: TEA, quantity: 1, unit_price: 5, line_amount: 5}
  expect:
    order_no: "1"
    placed_at: "2026-03-01T08:30:00Z"
    currency: EUR
    total: 5
    lines: [{line: "1", sku: TEA, quantity: 1, price: 5}]
""",
    "validation/tiny.yaml": """\
suite: tiny
entity: sales_order
rules:
  - total_adds_up: {}
    severity: hold_record
    message: "the lines do not add up to the total"
  - text_missing: {fields: [buyer_id]}
    name: buyer_missing
    severity: note
    message: "nobody is named"
examples: {passes: examples/tiny_passes.yaml, holds: examples/tiny_holds.yaml}
""",
    "validation/examples/tiny_passes.yaml": """\
- name: an order that adds up
  given: {organisation: tiny, shop: till, id: "1", buyer_id: B1, line_amount: 5, total_amount: 5}
""",
    "validation/examples/tiny_holds.yaml": """\
- name: an order that does not add up
  given: {organisation: tiny, shop: till, id: "1", buyer_id: B1, line_amount: 5, total_amount: 6}
  breaks: [total_adds_up]
""",
    "config/flows/orders.yaml": """\
about: Orders of the till into the depot.
every: 15 minutes
organisation: tiny
shop: till
legs:
  - pull: shop.orders
    map: [shop/sales_order]
    check: {sales_order: [tiny]}
push:
  - {to: depot.orders, entity: sales_order, map: depot/sales_order}
""",
}

GOOD = ("1001", "2026-03-01 09:30:00", "EUR", "B1", "25.00")
CROOKED = ("1002", "2026-03-01 09:31:00", "EUR", "B2", "30.00")
GUEST = ("1003", "2026-03-01 09:32:00", "EUR", None, "25.00")
LINES = (("1", "MUG", "2", "10.00"), ("2", "TEA", "1", "5.00"))


def project(
    folder: Path, orders: Sequence[tuple[str | None, ...]] = (GOOD, CROOKED, GUEST)
) -> Path:
    """Write the project and the shop's database into ``folder``; each order has the same lines."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "dags").mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "dags" / "flows.py", folder / "dags" / "flows.py")
    shutil.copyfile(ROOT / ".airflowignore", folder / ".airflowignore")
    with closing(sqlite3.connect(folder / "shop.db")) as database, database:
        database.executescript(
            "CREATE TABLE orders (number TEXT PRIMARY KEY, placed TEXT, currency TEXT,"
            " buyer TEXT, total TEXT);"
            "CREATE TABLE order_lines (number TEXT, line TEXT, sku TEXT, quantity TEXT, price TEXT,"
            " PRIMARY KEY (number, line));"
        )
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
        database.executemany(
            "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)",
            [(order[0], *line) for order in orders for line in LINES],
        )
    return folder


def variables(folder: Path) -> dict[str, str]:
    """Give the environment in which the project runs."""
    return {
        "CROSSDOCK_PROJECT": str(folder),
        "CROSSDOCK_HOME": str(folder / "state"),
        "TINY_SHOP_URL": f"sqlite:///{folder / 'shop.db'}",
        "TINY_DEPOT_URL": f"sqlite:///{folder / 'depot.db'}",
    }


def delivered(folder: Path) -> list[str]:
    """Name the orders that reached the depot."""
    if not (folder / "depot.db").exists():
        return []
    with closing(sqlite3.connect(folder / "depot.db")) as database:
        rows = database.execute("SELECT order_no FROM orders ORDER BY order_no").fetchall()
    return [str(row[0]) for row in rows]
