"""A small project in a folder: a till's invoices and a shop's orders, a depot and an ERP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from crossdock import flow as steps
from crossdock import ledger, sample_data
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.store import Store, open_store

PARTS = Path(__file__).parent / "parts"

FILES = {
    "config/systems/till.yaml": """\
about: Invoice lines and JSON orders, as files.
connector: inbox
settings: {folder: "${TILL_FOLDER}"}
streams:
  sales:
    media: csv
    key: InvoiceNo
    group: true
    rows: unordered
    money: {multiply: [Quantity, UnitPrice], currency: {constant: GBP}}
  products: {of: sales, media: csv, key: StockCode, group: true, columns: [StockCode, Description]}
  orders:
    media: ndjson
    key: number
    money: {sum: total, currency: currency}
  catalogue: {media: csv, key: sku}
  stock: {media: csv, key: sku}
""",
    "config/systems/shop.yaml": """\
connector: inbox
settings: {folder: "${TILL_FOLDER}"}
streams:
  wares: {media: csv, key: sku}
""",
    "config/systems/depot.yaml": """\
connector: sql
settings: {url: {env: DEPOT_URL}}
streams:
  orders:
    delivery: upsert
    key: order_no
    money: lines.amount
    create: true
    children: {lines: {table: order_line}}
  invoices:
    delivery: upsert
    key: order_no
    money: lines.amount
    create: true
    children: {lines: {table: invoice_line}}
  products: {delivery: upsert, key: product_no, create: true}
""",
    "config/systems/erp.yaml": """\
connector: scripted
settings: {folder: "${ERP_FOLDER}"}
streams:
  idempotency_key: {delivery: idempotency_key, key: order_no, money: total, batch: 3}
  upsert: {delivery: upsert, key: order_no, money: total, batch: 3}
  lookup_before_create: {delivery: lookup_before_create, key: order_no, money: total, batch: 3,
    deadline: 1}
  none: {delivery: none, key: order_no, money: total, batch: 3}
  posting: {delivery: none, key: order_no, money: total, batch: 2, accepts: true}
""",
    "config/flows/sales.yaml": """\
about: The till's invoices into the depot.
organisation: tiny
shop: till
legs:
  - pull: till.sales
    map: [till/sale, till/credit]
    check: {sales_order: [sales]}
  - pull: till.products
    map: [till/product]
push:
  - {to: depot.products, entity: product, map: depot/product}
  - {to: depot.orders, entity: sales_order, map: depot/order}
  - {to: depot.invoices, entity: invoice, map: depot/invoice}
""",
    "config/flows/orders.yaml": """\
organisation: tiny
shop: web
legs:
  - pull: till.orders
    map: [till/order]
    check: {sales_order: [orders]}
push:
  - {to: erp.CLASS, entity: sales_order, map: erp/order}
""",
    "mappings/till/sale.yaml": """\
from: till.sales
to: sales_order
when: {field: InvoiceNo, matches: '^[0-9]{6}$'}
defaults: {zone: Europe/London, decimal: "."}
fields:
  id: InvoiceNo
  issued_at: {path: InvoiceDate, as: instant, format: "%Y-%m-%d %H:%M:%S", take: min}
  source_updated_at: {path: InvoiceDate, as: instant, format: "%Y-%m-%d %H:%M:%S", take: max}
  currency: {constant: GBP}
  buyer_id: {path: CustomerID, optional: true}
  lines:
    each: rows
    order_by: [StockCode, Description, Quantity, UnitPrice, InvoiceDate]
    fields:
      line_id: {number: true}
      product_id: StockCode
      description: {path: Description, optional: true}
      quantity: {path: Quantity, as: quantity}
      unit_price: {path: UnitPrice, as: decimal}
      line_amount: {multiply: [quantity, unit_price]}
  line_amount: {sum: lines.line_amount}
  total_amount: {sum: lines.line_amount}
ignore: [Country]
""",
    "mappings/till/product.yaml": """\
from: till.products
to: product
fields:
  id: {path: StockCode, take: only}
  name: {path: Description, take: min, optional: true}
""",
    "mappings/till/order.yaml": """\
from: till.orders
to: sales_order
defaults: {zone: Europe/Berlin, decimal: "."}
fields:
  id: number
  issued_at: {path: placed, as: instant, format: "%Y-%m-%d %H:%M:%S"}
  source_updated_at: {path: updated, as: instant, format: "%Y-%m-%d %H:%M:%S", optional: true}
  currency: currency
  buyer_id: {path: buyer, optional: true}
  note: {path: note, optional: true}
  lines:
    each: lines
    fields:
      line_id: {number: true}
      product_id: sku
      quantity: {path: quantity, as: quantity}
      unit_price: {path: price, as: decimal}
      line_amount: {multiply: [quantity, unit_price]}
  line_amount: {sum: lines.line_amount}
  total_amount: {path: total, as: decimal}
""",
    "mappings/till/ware.yaml": """\
from: till.catalogue
to: product
defaults: {zone: Europe/Berlin, decimal: "."}
fields:
  id: sku
  name: {path: name, optional: true}
  description: {path: text, optional: true}
  brand: {path: brand, optional: true}
  source_updated_at: {path: updated, as: instant, format: "%Y-%m-%d %H:%M:%S", optional: true}
""",
    "mappings/depot/order.yaml": """\
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
    fields:
      line: line_id
      sku: product_id
      text: {path: description, optional: true}
      quantity: quantity
      price: unit_price
      amount: line_amount
""",
    "mappings/depot/product.yaml": """\
from: product
to: depot.products
fields:
  product_no: id
  name: {path: name, optional: true}
  text: {path: description, optional: true}
  brand: {path: brand, optional: true}
""",
    "mappings/erp/order.yaml": """\
from: sales_order
to: erp.orders
fields:
  order_no: id
  currency: currency
  total: total_amount
  note: {path: note, optional: true}
""",
    "validation/sales.yaml": """\
suite: sales
entity: sales_order
rules:
  - rule: not_a_sale
    severity: hold_record
  - rule: duplicate_document_number
    severity: hold_record
  - text_missing: {fields: [buyer_id]}
    name: buyer_missing
    severity: note
    message: "nobody is named"
examples: {passes: examples/passes.yaml, holds: examples/holds.yaml}
""",
    "validation/orders.yaml": """\
suite: orders
entity: sales_order
rules:
  - total_adds_up: {}
    severity: hold_record
    message: "the lines do not add up to the total"
  - rule: duplicate_document_number
    severity: hold_record
  - text_missing: {fields: [buyer_id]}
    name: buyer_missing
    severity: note
    message: "nobody is named"
    at_most: 50%
    then: stop_flow
examples: {passes: examples/passes.yaml, holds: examples/holds.yaml}
""",
    "validation/examples/passes.yaml": """\
- name: an order that adds up
  given: {organisation: tiny, shop: till, id: "1", buyer_id: B1, line_amount: 5, total_amount: 5}
""",
    "validation/examples/holds.yaml": """\
- name: an order that does not add up
  given: {organisation: tiny, shop: till, id: "1", buyer_id: B1, line_amount: 5, total_amount: 6}
  breaks: [total_adds_up]
""",
}
FILES["mappings/till/credit.yaml"] = (
    FILES["mappings/till/sale.yaml"]
    .replace("to: sales_order", "to: invoice")
    .replace("'^[0-9]{6}$'", "'^[AC][0-9]{6}$'")
    .replace("  currency: {constant", "  type_code: {constant: credit_note}\n  currency: {constant")
)
FILES["mappings/depot/invoice.yaml"] = (
    FILES["mappings/depot/order.yaml"]
    .replace("from: sales_order", "from: invoice")
    .replace("depot.orders", "depot.invoices")
)
FILES["mappings/shop/ware.yaml"] = FILES["mappings/till/ware.yaml"].replace(
    "till.catalogue", "shop.wares"
)
for _name in [name for name in FILES if name.startswith("mappings/")]:
    FILES[_name] += "examples: [examples/none.yaml]\n"
    FILES[f"{_name.rsplit('/', 1)[0]}/examples/none.yaml"] = "[]\n"

VOLATILE = {"run", "object", "intake", "lease", "counter", "crossdock_version", "cursor"}


@dataclass(frozen=True)
class Project:
    """The project's folder, and where its databases are."""

    folder: Path
    hub_url: str
    depot_url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which it runs."""
        return {
            "CROSSDOCK_PROJECT": str(self.folder),
            "CROSSDOCK_HOME": str(self.folder / "state"),
            "CROSSDOCK_DATABASE_URL": self.hub_url,
            "TILL_FOLDER": str(self.folder / "inbox"),
            "ERP_FOLDER": str(self.folder / "erp"),
            "DEPOT_URL": self.depot_url,
        }

    def file(self, name: str, *changes: tuple[str, str]) -> Path:
        """Change texts in a file of the project; each must be there."""
        path = self.folder / name
        text = path.read_text("utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def sales(self, table: pa.Table, name: str = "sales.csv") -> None:
        """Put invoice lines into the inbox."""
        folder = self.folder / "inbox" / "sales"
        folder.mkdir(parents=True, exist_ok=True)
        sample_data.write_csv(table, folder / name)

    def orders(self, orders: Sequence[Mapping[str, Any]], name: str = "orders.ndjson") -> None:
        """Put JSON orders into the inbox."""
        lines = "".join(json.dumps(order) + "\n" for order in orders)
        self.write(f"inbox/orders/{name}", lines)

    def script(self, **acts: Sequence[str]) -> None:
        """Say what the ERP does with orders by number (``o1001``); a new script, no old tries."""
        self.write("erp/script.json", json.dumps({k.lstrip("o"): v for k, v in acts.items()}))
        self.write("erp/tries.jsonl", "")

    def tries(self) -> list[dict[str, Any]]:
        """Every parcel that the ERP was given since the last script."""
        return _lines(self.folder / "erp" / "tries.jsonl")

    def effects(self) -> list[dict[str, Any]]:
        """What took effect at the ERP, in order."""
        return _lines(self.folder / "erp" / "journal.jsonl")

    @property
    def home(self) -> Home:
        """The home as the environment says it."""
        return Home.find()

    @property
    def store(self) -> Store:
        """The opened store."""
        return open_store(self.home)

    def run(self, flow: str = "sales", workers: int = 1) -> Books:
        """Run a flow to its end."""
        return steps.run(self.home, flow, workers)

    def books(self, run: str) -> dict[str, Any]:
        """The books of a run as they stand now."""
        return ledger.books(self.store, run=run)

    def hub(self, *skipped: str) -> dict[str, list[tuple[Any, ...]]]:
        """Dump the hub's tables."""
        return dump(self.store.engine, {*skipped})

    def depot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Dump the depot's tables."""
        engine = sa.create_engine(self.depot_url)
        try:
            return dump(engine, set())
        finally:
            engine.dispose()

    def rows(self, statement: Any) -> list[Any]:
        """Read rows of the hub."""
        with self.store.reading() as connection:
            return list(connection.execute(statement).all())


def make(folder: Path, hub_url: str, depot_url: str, delivery: str = "upsert") -> Project:
    """Write the project into ``folder``."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("erp.CLASS", f"erp.{delivery}"), encoding="utf-8")
    shutil.copytree(PARTS, folder / "connectors")
    for name in ("inbox", "erp"):
        (folder / name).mkdir()
    return Project(folder, hub_url, depot_url)


def order(number: str, total: str = "25.00", **more: Any) -> dict[str, Any]:
    """Make a JSON order whose lines come to 25."""
    return {
        "number": number,
        "placed": "2026-03-01 09:30:00",
        "currency": "EUR",
        "buyer": "B1",
        "total": total,
        "lines": [
            {"sku": "MUG", "quantity": "2", "price": "10.00"},
            {"sku": "TEA", "quantity": "1", "price": "5.00"},
        ],
        **more,
    }


def dump(engine: sa.Engine, skipped: set[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Read every table of a database, its rows in one order whatever the order they are in."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for name, table in metadata.tables.items()
            if name not in skipped
        }


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
