"""Worlds that begin with files: EDIFACT on an SFTP server, CSV of a till in a folder."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from crossdock.sandbox.partner import Partner
from tests.rig.shops import partner_variables
from tests.rig.warehouse import Warehouse
from tests.rig.worlds import Effect, Wanted, World, version

_SIDES = "4098765000003:14+4012345000009:14"
_OLD = 1_767_000_000  # an instant before the world began: nobody is still writing these files


class ToWarehouse(World):
    """A world whose target is the warehouse."""

    def begin(self) -> None:
        self.warehouse = Warehouse(self.state / "warehouse.db", self.folder.parent)

    def effects(self) -> dict[str, list[Effect]]:
        return {"warehouse.sales_order": self.warehouse.effects()}

    def content(self) -> dict[str, list[str]]:
        return self.warehouse.content()


class Edi(ToWarehouse):
    """SFTP to SQL: files of EDIFACT orders; one order is bad, one file is cut off."""

    flow = "edi"

    def begin(self) -> None:
        super().begin()
        self.partner = Partner(self.folder / "partner", now=self.board.now)
        self.systems = [self.partner]
        self.sent: dict[str, list[tuple[str, Decimal]]] = {}
        bad = 3 if self.variant == 0 else 1 + self.variant
        files = 2 if self.variant == 0 else 4
        for number in range(1, files + 1):
            pair = [2 * number - 1, 2 * number]
            self._send(f"f{number}.edi", [(one, 5, one == bad) for one in pair])
        if self.variant % 2 == 0:
            self._send("f9.edi", [(20, 5, False)], cut=True)
        self.bad, self.count = bad, files * 2

    def go_on(self) -> None:
        self._send("g1.edi", [(self.bad, 5, False), (self.count + 1, 5, False)])
        self._send("g2.edi", [(2, 7, False)])

    def _send(self, name: str, orders: list[tuple[int, int, bool]], *, cut: bool = False) -> None:
        text = interchange(name, orders)
        data = text.encode()
        path = self.partner.drop(name, data[: len(data) * 2 // 3] if cut else data)
        os.utime(path, (_OLD, _OLD))
        self.sent[name] = [(f"E{number}", _amount(number, pieces)) for number, pieces, _ in orders]

    def addresses(self) -> dict[str, str]:
        return partner_variables(self.partner)

    def wanted(self) -> dict[str, Wanted]:
        found: dict[str, Wanted] = {}
        for entry in self.partner.journal.entries("exposed", entity="out"):
            for number, amount in self.sent[entry.reference]:
                known = found.get(number)
                versions = (*(known.versions if known else ()), version(None, amount))
                key = f"4098765000003|{number}"
                found[number] = Wanted(number, key, amount, "EUR", versions)
        return found

    def inside(self, name: str) -> list[str]:
        return [number for number, _ in self.sent.get(name, [])]


def _amount(number: int, pieces: int) -> Decimal:
    return Decimal(pieces * number) / 4


def interchange(name: str, orders: Iterable[tuple[int, int, bool]]) -> str:
    """Write orders (number, pieces, whether the amount of its line is wrong) as one interchange."""
    messages = []
    for place, (number, pieces, wrong) in enumerate(orders, 1):
        price = Decimal(number) / 4
        amount = _amount(number, pieces) + (1 if wrong else 0)
        segments = [
            f"UNH+{place}+ORDERS:D:96A:UN:EAN008", f"BGM+220+E{number}+9", "DTM+137:20260105:102",
            "NAD+BY+4098765000003::9", "NAD+SU+4012345000009::9", "CUX+2:EUR:9",
            "LIN+1++4006381333931:EN", f"PIA+1+SKU{number}:SA", f"QTY+21:{pieces}",
            f"MOA+203:{amount}", f"PRI+AAA:{price}", "UNS+S", "CNT+2:1",
        ]  # fmt: skip
        messages += [*segments, f"UNT+{len(segments) + 1}+{place}"]
    reference = name.split(".")[0]
    head = f"UNB+UNOC:3+{_SIDES}+260105:0930+{reference}++ORDERS"
    tail = f"UNZ+{sum(1 for one in messages if one.startswith('UNH'))}+{reference}"
    return "".join(f"{segment}'\n" for segment in (head, *messages, tail))


class Till(ToWarehouse):
    """CSV to SQL: files of receipts; one receipt has a line without an article."""

    flow = "till"

    def begin(self) -> None:
        super().begin()
        self.till = self.folder / "till"
        self.till.mkdir()
        self.bad = 4 + self.variant
        for part in range(2):
            self._write(f"day{part}.csv", range(part * 6, part * 6 + 6), bad=self.bad)

    def go_on(self) -> None:
        part = self.bad // 6
        self._write(f"day{part}.csv", range(part * 6, part * 6 + 6), bad=None)
        self._write("later.csv", [12], bad=None)

    def addresses(self) -> dict[str, str]:
        return {"TILL_FOLDER": f"{self.till}/*.csv"}

    def _write(self, name: str, numbers: Iterable[int], *, bad: int | None) -> None:
        """Write a till's file."""
        lines = [
            (f"B{number:03}", "05.01.2026 09:30", "" if number == bad else f"A{number}",
             "2", "1,25", "2,50", "EUR")
            for number in numbers
            for _ in range(1 + number % 3)
        ]  # fmt: skip
        path = self.till / name
        with path.open("w", encoding="windows-1251", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["Beleg", "Datum", "Artikel", "Menge", "Preis", "Summe", "Waehrung"])
            writer.writerows(lines)
        os.utime(path, (_OLD, _OLD))

    def wanted(self) -> dict[str, Wanted]:
        found: dict[str, Decimal] = {}
        for path in sorted(self.till.glob("*.csv")):
            found |= receipts(path)
        return {
            number: Wanted(number, number, amount, "EUR", (version(None, amount),))
            for number, amount in found.items()
        }


def receipts(path: Path) -> dict[str, Decimal]:
    """Add up what a till's file says of each receipt."""
    own: dict[str, Decimal] = {}
    with path.open(encoding="windows-1251", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            amount = Decimal(row["Summe"].replace(",", "."))
            own[row["Beleg"]] = own.get(row["Beleg"], Decimal(0)) + amount
    return own
