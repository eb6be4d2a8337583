"""The stand of the connector ``edifact``: a partner's folders on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Parcel
from crossdock.testing.stand import Stand

_ORDER: Mapping[str, Any] = {
    "type": "220", "function": "9", "date": "2026-09-01", "currency": "EUR",
    "buyer_gln": "4012345000009", "supplier_gln": "5412345000013",
    "lines": [{"number": 1, "gtin": "4000862141404", "quantity": Decimal(2), "unit": "PCE",
               "price": Decimal("1.50")}],
}  # fmt: skip


class EdifactStand(Stand):
    """A partner who left orders in a folder and takes ours from another."""

    lacks: ClassVar[Mapping[str, str]] = {
        "odd_values_come_whole_or_are_named": "EDIFACT's letters are declared; tests/edi has them",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.partner = folder / "partner"
        self._written: list[str] = []

    def start(self) -> None:
        """Lay a sample of the project into the partner's folder."""
        out = self.partner / "out"
        out.mkdir(parents=True)
        sample = self.project / "edi" / "samples" / "orders_d96a.edi"
        (out / "a.edi").write_bytes(sample.read_bytes())
        past = self.clock.now().timestamp() - 600
        os.utime(out / "a.edi", (past, past))

    def settings(self) -> Mapping[str, Any]:
        """Give the folder."""
        return {"partner": "demo_retailer", "folder": str(self.partner),
                "references": str(self.folder / "references.tsv")}  # fmt: skip

    def unreachable(self) -> Mapping[str, Any]:
        """Give a server that is not there."""
        return {"folder": "", "host": "127.0.0.1", "port": 9, "user": "u", "password": "p4ssw0rd",
                "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXOwVDSgEWdG7V8OqG9GZbz5QJUuwQ"
                            "1rKXvd5p5Y0sz"}  # fmt: skip

    def lists(self) -> Sequence[str]:
        """Read orders."""
        return ["orders"]

    def targets(self) -> Sequence[str]:
        """Write orders."""
        return ["orders_out"]

    def there(self, stream: str) -> set[str]:
        """Say what stands in the sample."""
        return {f"4098765000003|{number}" for number in ("4500012345", "4500012346")}

    def parcel(self, stream: str, number: int, *, good: bool = True) -> Parcel:
        """Make an order; one without lines is no order."""
        reference = f"PO{number}"
        body = {**_ORDER, "number": reference}
        if not good:
            body["lines"] = []
        return Parcel(reference, f"key-{reference}", "create", body)

    def effects(self, stream: str) -> Sequence[str]:
        """Read the numbers of the orders in the files that were left."""
        found = []
        for path in (self.partner / "in").glob("*.edi"):
            for segment in path.read_text("latin-1").split("'"):
                if segment.strip().startswith("BGM+"):
                    found.append(segment.strip().split("+")[2].split(":")[0])
        return found
