"""A project with one EDI partner in a folder, orders that come in and orders that go out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crossdock import flow as steps
from crossdock import flows
from crossdock.edi import desk
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.store import Store, open_store

ROOT = Path(__file__).parents[2]
US, THEM = "4012345000009", "4098765000003"
ORDERS = (ROOT / "edi" / "samples" / "orders_d96a.edi").read_bytes()

FILES = {
    "edi/partners/north.yaml": """\
partner: north
us: {id: "4012345000009", qualifier: "14"}
them: {id: "4098765000003", qualifier: "14"}
write: {line_end: lf}
messages:
  ORDERS: {directory: D.96A, association: EAN008}
answers: {contrl: always, aperak: on_reject}
""",
    "config/systems/north.yaml": """\
connector: edifact
settings: {partner: north, folder: "${NORTH_FOLDER}"}
""",
    "config/systems/depot.yaml": """\
connector: sql
settings: {url: {env: DEPOT_URL}}
streams:
  orders:
    delivery: upsert
    key: [order_no]
    table: orders
    create: true
    money: total
    children: {lines: {table: order_lines}}
""",
    "config/systems/desk.yaml": """\
connector: files
settings: {path: "${DESK_FOLDER}/*.ndjson"}
streams:
  wishes: {media: ndjson, key: number, money: {sum: total, currency: currency}}
""",
    "mappings/north/order.yaml": """\
from: north.orders
to: sales_order
defaults: {zone: UTC}
fields:
  id: number
  status: {constant: open}
  issued_at: {path: date, as: instant, day: start}
  currency: currency
  buyer_gln: {path: buyer_gln, as: gln}
  seller_gln: {path: supplier_gln, as: gln, optional: true}
  delivery_gln: {path: delivery_gln, as: gln, optional: true}
  lines:
    each: lines
    fields:
      line_id: line
      gtin: {path: gtin, as: gtin, optional: true}
      quantity: {path: quantity, as: quantity, required: true}
      unit_price: {path: price, optional: true}
      line_amount: {path: amount, optional: true}
  line_amount: {sum: lines.line_amount}
  total_amount: {sum: lines.line_amount}
examples: [examples/order.yaml]
""",
    "mappings/north/examples/order.yaml": """- name: an order without lines
  given:
    {number: "1", date: "2026-09-01", currency: EUR, buyer_gln: "4098765000003", lines: []}
  expect:
    {id: "1", status: open, issued_at: "2026-09-01T00:00:00Z", currency: EUR,
     buyer_gln: "4098765000003", lines: [], line_amount: 0, total_amount: 0}
""",
    "mappings/desk/wish.yaml": """\
from: desk.wishes
to: purchase_order
defaults: {zone: UTC}
fields:
  id: number
  status: {constant: open}
  issued_at: {path: date, as: instant, day: start}
  currency: currency
  buyer_gln: {constant: "4012345000009"}
  seller_gln: {constant: "4098765000003"}
  lines:
    each: lines
    fields:
      line_id: {number: true}
      gtin: gtin
      quantity: {path: quantity, as: quantity}
      unit_price: {path: price, as: decimal}
      line_amount: {multiply: [quantity, unit_price]}
  line_amount: {sum: lines.line_amount}
  total_amount: {path: total, as: decimal}
examples: [examples/wish.yaml]
""",
    "mappings/desk/examples/wish.yaml": """\
- name: nothing wished for
  given: {number: "1", date: "2026-09-01", currency: EUR, total: "0", lines: []}
  expect:
    {id: "1", status: open, issued_at: "2026-09-01T00:00:00Z", currency: EUR, lines: [],
     buyer_gln: "4012345000009", seller_gln: "4098765000003", line_amount: 0, total_amount: 0}
""",
    "mappings/north/wish.yaml": """\
from: purchase_order
to: north.orders_out
fields:
  number: id
  date: {path: issued_at, as: instant_text, format: "%Y-%m-%dT%H:%M", required: true}
  currency: currency
  buyer_gln: buyer_gln
  supplier_gln: seller_gln
  lines:
    each: lines
    fields:
      line: line_id
      gtin: gtin
      quantity: quantity
      price: unit_price
      amount: line_amount
examples: [examples/wish.yaml]
""",
    "mappings/north/examples/wish.yaml": """\
- name: nothing wished for
  given: {id: "1", issued_at: "2026-09-01T00:00:00Z", currency: EUR, lines: []}
  expect: {number: "1", date: "2026-09-01T00:00", currency: EUR, lines: []}
""",
    "config/flows/orders_out.yaml": """\
expect_at_least: 0%
organisation: demo
shop: edi
legs:
  - pull: desk.wishes
    map: [desk/wish]
push:
  - {to: north.orders_out, entity: purchase_order, map: north/wish}
""",
    "mappings/depot/order.yaml": """\
from: sales_order
to: depot.orders
fields:
  order_no: id
  currency: currency
  total: total_amount
  lines:
    each: lines
    fields: {line: line_id, gtin: gtin, quantity: quantity, price: unit_price}
examples: [examples/order.yaml]
""",
    "mappings/depot/examples/order.yaml": """- name: an order without lines
  given: {id: "1", currency: EUR, total_amount: 0, lines: []}
  expect: {order_no: "1", currency: EUR, total: 0, lines: []}
""",
    "validation/most.yaml": """\
suite: most
entity: sales_order
rules:
  - text_missing: {fields: [gtin]}
    on: lines
    severity: hold_record
    message: "this line names no product"
examples: {passes: examples/most_passes.yaml, holds: examples/most_holds.yaml}
""",
    "validation/examples/most_passes.yaml": """\
- name: a line with a product
  given: {id: "1", currency: EUR, lines: [{line_id: "1", gtin: "4006381333931"}]}
""",
    "validation/examples/most_holds.yaml": """\
- name: a line without a product
  given: {id: "1", currency: EUR, lines: [{line_id: "1"}]}
  breaks: [text_missing]
""",
    "config/flows/orders_in.yaml": """\
expect_at_least: 0%
organisation: demo
shop: edi
legs:
  - pull: north.orders
    map: [north/order]
push:
  - {to: depot.orders, entity: sales_order, map: depot/order}
""",
}


@dataclass
class Office:
    """The project, its home, and the partner's folders."""

    folder: Path
    home: Home

    @property
    def store(self) -> Store:
        """The store of the project."""
        return open_store(self.home)

    @property
    def partner(self) -> Path:
        """The partner's folders: out, in, archive."""
        return self.folder / "north"

    def put(self, data: bytes, name: str = "a.edi") -> None:
        """The partner leaves a file for us."""
        (self.partner / "out").mkdir(parents=True, exist_ok=True)
        (self.partner / "out" / name).write_bytes(data)

    def got(self, kind: str = "") -> list[bytes]:
        """What we left for the partner, of one message type."""
        folder = self.partner / "in"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return [path.read_bytes() for path in files if path.name.startswith(kind)]

    def run(self, flow: str = "orders_in") -> Books:
        """Run a flow, every step in this process."""
        from crossdock.worker import identify, process_name

        identify(process_name())
        batches = steps.pull(flow)
        run_id = steps.open_run(flow)
        for step in (steps.map, steps.check):
            for batch in batches:
                step(batch)
        steps.gate(run_id)
        for batch in batches:
            steps.resolve_and_push(batch)
        return steps.close(run_id)

    def attend(self, flow: str = "orders_in", now: datetime | None = None) -> desk.Attended:
        """Attend to the partner's account outside of a run."""
        found = desk.attend(self.home, self.store, flows.load(self.home, flow), now=now)
        return next(one for one in found if one.system == "north")

    def file(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file of the project."""
        path = self.folder / "project" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def wish(self, *orders: dict[str, Any]) -> None:
        """Put orders of ours where the flow that sends them reads."""
        folder = self.folder / "wishes"
        folder.mkdir(exist_ok=True)
        name = f"{len(list(folder.iterdir()))}.ndjson"
        text = "".join(json.dumps(order) + "\n" for order in orders)
        (folder / name).write_text(text, encoding="utf-8")

    def depot(self) -> list[str]:
        """The orders that arrived."""
        path = self.folder / "depot.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT order_no FROM orders")]


def furnish(folder: Path, variables: dict[str, str]) -> Office:
    """Make the project below ``folder``; ``variables`` get what must stand in the environment."""
    project = folder / "project"
    (project / "edi").mkdir(parents=True)
    (project / "edi" / "guides").symlink_to(ROOT / "edi" / "guides")
    variables.update(
        CROSSDOCK_PROJECT=str(project),
        CROSSDOCK_HOME=str(folder / "home"),
        NORTH_FOLDER=str(folder / "north"),
        DESK_FOLDER=str(folder / "wishes"),
        DEPOT_URL=f"sqlite:///{folder / 'depot.db'}",
    )
    state = folder / "home"
    home = Home(project, state, f"sqlite:///{state / 'hub.db'}", f"file://{state / 'objects'}")
    office = Office(folder, home)
    for name, text in FILES.items():
        office.file(name, text)
    (folder / "wishes").mkdir()
    return office


WISH = {
    "number": "PO-7",
    "date": "2026-09-01",
    "currency": "EUR",
    "total": "4.50",
    "lines": [{"gtin": "4006381333931", "quantity": "3", "price": "1.50"}],
}

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
