"""A world that begins with webhooks and ends with files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from crossdock.sandbox.calls import Call, Calls
from crossdock.sandbox.partner import Partner, unfinished
from tests.rig.shops import ShopWorld, partner_variables, shown
from tests.rig.worlds import Effect, Wanted, version

SECRET = "whsec_cmlnLXdlYmhvb2stc2VjcmV0"


class Hook(ShopWorld):
    """Webhooks to files: the shop calls and is never asked; each order is a file over SFTP."""

    flow = "hook"
    lived = True

    def begin(self) -> None:
        super().begin()
        self.told: list[Any] = [record.body for record in self.shop.data["orders"].records()]

    def targets(self) -> list[Any]:
        self.reader = Partner(self.folder / "reader", now=self.board.now)
        self.kept = taken(self.reader)
        return [self.reader]

    def addresses(self) -> dict[str, str]:
        return {
            **super().addresses(),
            **partner_variables(self.reader),
            "SHOP_WEBHOOK_SECRET": SECRET,
        }

    def prelude(self) -> None:
        self.tell(self.told)

    def tell(self, bodies: Iterable[Any]) -> None:
        """Call; every second call comes twice, as calls do."""
        assert self.receiver is not None
        with self.receiver(self) as address:
            sender = Calls(f"{address}/hooked/orders", SECRET, now=self.board.now, tries=1)
            for number, body in enumerate(bodies):
                ident = f"{body['number']}/{body['updated_at']}/{number}"
                call = Call(ident, "orders", json.dumps(body).encode())
                for _ in range(1 + number % 2):
                    answers = (sender.send(call) for _ in range(5))
                    assert 200 in answers, "the receiver does not answer"

    def go_on(self) -> None:
        """Tell of what is new, put right and changed; then of what was long known, as news."""
        fresh = self.changed()
        self.told += fresh
        self.tell([*fresh, self.told[0]])

    def wanted(self) -> dict[str, Wanted]:
        return shown(sorted(self.told, key=lambda body: str(body["updated_at"])))

    def effects(self) -> dict[str, list[Effect]]:
        found, names = [], set()
        for entry in self.reader.journal.entries("accepted", entity="in"):
            body = self._order(self.kept[entry.body_sha256])
            operation = "change" if entry.reference in names else "create"
            names.add(entry.reference)
            words = version(body["customer"]["name"], body["total"])
            found.append(Effect(body["number"], operation, Decimal(body["total"]), words))
        return {"feed.orders": found}

    def _order(self, data: bytes) -> Any:
        """Read a file; one that is no whole order is an order that no source showed."""
        try:
            return json.loads(data)[0]
        except ValueError:
            words = f"half a file: {data[-20:]!r}"
            return {"number": words, "total": "0", "customer": {"name": ""}}

    def half_made(self) -> list[str]:
        return sorted(path.name for path in (self.reader.root / "in").iterdir()
                      if unfinished(path.name))  # fmt: skip

    def content(self) -> dict[str, list[str]]:
        return {"folder": sorted(data.decode() for data in self.reader.received().values())}


def taken(partner: Partner) -> dict[str, bytes]:
    """Keep every file that the partner ever took, by the hash that its journal has."""
    kept: dict[str, bytes] = {}
    inner = partner.journal.write

    def write(*entries: Any) -> None:
        for entry in entries:
            path = partner.root / "in" / entry.reference
            if entry.kind == "accepted" and entry.entity == "in" and path.exists():
                kept[entry.body_sha256] = path.read_bytes()
        inner(*entries)

    partner.journal.write = write  # type: ignore[method-assign]
    return kept
