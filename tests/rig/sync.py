"""Two shops whose stock is kept the same by two flows: a project in which the engine runs at once.

Nothing is killed here, so the flows run in this very process; what the shops took stands in their
journals.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa

from crossdock import flow, quarantine
from crossdock.flow import Books
from crossdock.home import Home
from crossdock.objects import Objects
from crossdock.sandbox.shop import Shop
from crossdock.store import engine, open_store
from crossdock.store.migrate import migrate
from crossdock.webhooks import inbox

SIDES = ("left", "right")
SKUS = ("MUG", "TEA")
_START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

_SYSTEM = """\
about: One of two shops.
connector: rest
settings:
  url: ${SIDE_URL}
  auth: oauth2
  token_url: ${SIDE_URL}/oauth/token
  client_id: crossdock
  client_secret: {env: SHOP_SECRET}
allow_private: true
streams:
  stock:
    path: stock
    records: stock
    key: sku
    paging: {kind: link, size: {limit: 2}}
    cursor: updated_at
    since: updated_since
    grain: second
    order: oldest_first
    webhooks:
      signature: shopify
      secrets: [{env: SHOP_SECRET}]
  taken:
    delivery: upsert
    key: sku
    method: PUT
    path: stock/{sku}
    their_id: sku
    lookup: {path: "stock/{sku}", their_id: sku}
"""
_FLOW = """\
about: Stock of one shop goes to the other.
organisation: two
shop: both
expect_at_least: 0%
legs:
  - pull: FROM.stock
    map: [FROM/stock_level]
    check: {stock_level: [stock]}
push:
  - {to: TO.taken, entity: stock_level, map: TO/taken}
"""
_IN = """\
from: FROM.stock
to: stock_level
fields:
  id: sku
  product_id: sku
  on_hand: {path: on_hand, as: quantity, required: true}
  source_updated_at: {path: updated_at, as: instant}
ignore: [location, updated_at]
examples: [examples/none.yaml]
"""
_OUT = """\
from: stock_level
to: TO.taken
fields:
  sku: product_id
  on_hand: {path: on_hand, as: plain}
examples: [examples/none.yaml]
"""
_SUITE = """\
suite: stock
entity: stock_level
rules:
  - column_values_to_be_between: {column: on_hand, min_value: 0, max_value: 1000}
    name: stock_is_possible
    severity: hold_record
    message: "there cannot be {value} pieces"
examples: {passes: examples/none.yaml, holds: examples/none.yaml}
"""


def blank(folder: Path) -> Path:
    """Write the project and an empty store into ``folder``, to be copied."""
    files = {"validation/stock.yaml": _SUITE, "validation/examples/none.yaml": "[]\n"}
    for side, other in (SIDES, SIDES[::-1]):
        files[f"config/systems/{side}.yaml"] = _SYSTEM.replace("SIDE", side.upper())
        files[f"config/flows/{side}.yaml"] = _FLOW.replace("FROM", side).replace("TO", other)
        files[f"mappings/{side}/stock_level.yaml"] = _IN.replace("FROM", side)
        files[f"mappings/{side}/taken.yaml"] = _OUT.replace("TO", side)
        files[f"mappings/{side}/examples/none.yaml"] = "[]\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "state").mkdir(mode=0o700)
    made = sa.create_engine(f"sqlite:///{folder / 'state' / 'hub.db'}")
    migrate(made)
    made.dispose()
    return folder


@dataclass
class Sync:
    """Both shops, the hub between them, and what the shops' people did."""

    folder: Path
    template: Path
    ticks: int = 0
    edits: dict[str, list[tuple[datetime, str, int]]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copytree(self.template, self.folder)
        self.shops = {
            side: Shop(self.folder / side, now=self.now, products=[
                {"sku": sku, "updated_at": _START.isoformat()} for sku in SKUS
            ])
            for side in SIDES
        }  # fmt: skip
        for shop in self.shops.values():
            shop.__enter__()
        variables = {
            "CROSSDOCK_PROJECT": str(self.folder),
            "CROSSDOCK_HOME": str(self.folder / "state"),
            "CROSSDOCK_DATABASE_URL": f"sqlite:///{self.folder / 'state' / 'hub.db'}",
            "SHOP_SECRET": Shop.client_secret,
            **{f"{side.upper()}_URL": shop.url for side, shop in self.shops.items()},
        }
        self._environment = mock.patch.dict(os.environ, variables)
        self._environment.start()
        self.home = Home.find()
        self.home.make_key()
        self.store = open_store(self.home)

    def close(self) -> None:
        """Stop the shops, and forget the store."""
        self._environment.stop()
        for at in list(engine._engines):
            engine._engines.pop(at).dispose()
        for shop in self.shops.values():
            shop.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def now(self) -> datetime:
        """The shops' clock: a second passes at each look."""
        self.ticks += 1
        return _START + timedelta(seconds=self.ticks)

    # -- what happens ---------------------------------------------------------------------------
    def edit(self, side: str, sku: str, pieces: int) -> None:
        """Let a shop's people count; the shop means to call, and the call is on its way."""
        at = self.now()
        body = {"sku": sku, "on_hand": pieces, "location": "main", "updated_at": at.isoformat()}
        self.shops[side].change("stock", body)
        self.calls.append((side, body))
        self.edits.setdefault(sku, []).append((at, side, pieces))

    def call(self, number: int) -> None:
        """Let a call arrive; it stays where it is and may come again."""
        side, body = self.calls[number]
        inbox.keep(self.store, Objects(self.home), [inbox.Call(
            side, "stock", f"call {number} {self.ticks}", "stock", "record", "json",
            datetime.now(UTC), json.dumps(body).encode(),
        )])  # fmt: skip

    def run(self, side: str) -> Books:
        """Run the flow that begins at ``side``."""
        books = flow.run(self.home, side, workers=1)
        assert books.balanced, books.data
        return books

    def release(self) -> int:
        """Let a steward release or reject all that is held, in turns; gives how many."""
        held = quarantine.listed(self.store)
        for number, hold in enumerate(held):
            act = quarantine.reject if number % 2 else quarantine.release
            act(self.store, [hold["id"]], who="ann", reason="seen")
        return len(held)

    # -- what is to be seen ---------------------------------------------------------------------
    def pieces(self) -> dict[str, dict[str, Decimal]]:
        """What each shop says there is: side -> sku -> pieces."""
        return {
            side: {
                str(record.body["sku"]): Decimal(str(record.body["on_hand"]))
                for record in shop.data["stock"].records()
            }
            for side, shop in self.shops.items()
        }

    def written(self) -> list[tuple[str, str, Decimal]]:
        """Everything that the hub ever wrote: side, sku, pieces."""
        return [
            (side, entry.their_id, Decimal(str(entry.body["on_hand"])))
            for side, shop in self.shops.items()
            for entry in shop.journal.entries("accepted", entity="stock")
        ]

    def quiet(self, most: int = 4) -> int:
        """Run both flows until nothing is written any more; gives how many rounds wrote."""
        for number in range(most):
            before = len(self.written())
            for side in SIDES:
                self.run(side)
            if len(self.written()) == before:
                return number
        raise AssertionError(f"still writing after {most} rounds: {self.written()[-6:]}")


