"""A real Tryton on loopback: installed by pip in a venv, SQLite, set up by its own JSON-RPC.

What a company needs before it can sell: currency, chart of accounts, fiscal year, tax, countries.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crossdock.errors import TryLater
from crossdock.real.installing import cached, run
from crossdock.real.process import ask, serving

VERSION = "8.2.1"
MODULES = ("sale", "stock", "account_invoice")
PACKAGES = (
    f"trytond=={VERSION}",
    *(f"trytond-{name.replace('_', '-')}==8.2.*" for name in MODULES),
)
USER = "admin"
DATABASE = "erp"
COUNTRIES = (("DE", "Germany"), ("FR", "France"))
"""What the set-up tells Tryton of the world; trytond_import_countries would fetch all of it."""


def install() -> Path:
    """Install the server with an empty database to copy, once a machine; raises TryLater."""
    recipe = f"{sys.version_info[:2]} {PACKAGES} {MODULES}"

    def make(folder: Path) -> None:
        venv.create(folder / "venv", with_pip=True)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([str(folder / "venv/bin/python"), *pip, *PACKAGES], folder)
        _configure(folder)
        words = ["-u", *MODULES, "--activate-dependencies", "--email", "admin@example.com"]
        _admin(folder, folder, secrets.token_urlsafe(12), *words)

    return cached("tryton", recipe, make)


def _configure(folder: Path) -> None:
    (folder / "db").mkdir(mode=0o700)
    (folder / "db" / f"{DATABASE}.sqlite").touch()
    text = f"[database]\nuri = sqlite://\npath = {folder / 'db'}\n[web]\nlisten = 127.0.0.1:0\n"
    (folder / "trytond.conf").write_text(text, encoding="utf-8")


def _admin(installed: Path, folder: Path, password: str, *words: str) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    command = [str(installed / "venv/bin/trytond-admin"), "-c", str(folder / "trytond.conf")]
    words = ("-d", DATABASE, "--administrator", "-p", *words)
    run([*command, *words], folder, TRYTONPASSFILE=str(secret))
    secret.unlink()


def decimal(text: str) -> dict[str, str]:
    """Write a decimal as Tryton's JSON does."""
    return {"__class__": "Decimal", "decimal": text}


def day(year: int, month: int, number: int) -> dict[str, Any]:
    """Write a day as Tryton's JSON does."""
    return {"__class__": "date", "year": year, "month": month, "day": number}


@dataclass
class Erp:
    """A running Tryton; ``url`` is where its calls go."""

    url: str
    password: str = field(repr=False)
    context: dict[str, Any] = field(default_factory=dict)
    _session: str = field(default="", repr=False)

    def variables(self) -> dict[str, str]:
        """Name what config/systems/tryton.yaml reads."""
        return {"TRYTON_URL": self.url, "TRYTON_USER": USER, "TRYTON_PASSWORD": self.password}

    def call(self, method: str, *params: Any) -> Any:
        """Call a method; raises TryLater with Tryton's words."""
        if not self._session:
            body = {"id": 0, "method": "common.db.login",
                    "params": [USER, {"password": self.password}, "en"]}  # fmt: skip
            user, session = ask(self.url, body, {})[0]["result"][:2]
            word = base64.b64encode(f"{USER}:{user}:{session}".encode()).decode()
            self._session = f"Session {word}"
        body = {"id": 0, "method": method, "params": params}
        said, _ = ask(self.url, body, {"Authorization": self._session})
        if said.get("error"):
            raise TryLater(f"Tryton says no: {str(said['error'])[:300]}", where=method)
        return said["result"]

    def model(self, name: str, method: str, *params: Any, **context: Any) -> Any:
        """Call a method of a model in the user's context."""
        return self.call(f"model.{name}.{method}", *params, {**self.context, **context})

    def first(self, model: str, *domain: Any) -> int:
        """Give the id of the first record of a model that fits."""
        return int(self.model(model, "search", list(domain), 0, 1, None)[0])

    # -- setting up ------------------------------------------------------------------------------
    def set_up(self) -> None:
        """Make a company that can sell: currency, accounts, fiscal year, tax, countries."""
        euro = {"name": "Euro", "code": "EUR", "symbol": "€", "digits": 2,
                "rounding": decimal("0.01")}  # fmt: skip
        currency = self.model("currency.currency", "create", [euro])[0]
        party = self.model("party.party", "create", [{"name": "Nordwind Handel GmbH"}])[0]
        own = {"party": party, "currency": currency, "timezone": "UTC"}
        company = self.model("company.company", "create", [own])[0]
        self.model("res.user", "write", [1],
                   {"companies": [["add", [company]]], "company": company})  # fmt: skip
        self.context = self.model("res.user", "get_preferences", True)
        self._chart(company)
        self._year(company)
        account = self.first("account.account", ["code", "=", "6.3.6"], ["company", "=", company])
        self.model("account.tax", "create", [{
            "name": "VAT 19 %", "description": "VAT 19 %", "type": "percentage",
            "rate": decimal("0.19"), "company": company,
            "invoice_account": account, "credit_note_account": account,
        }])  # fmt: skip
        accounts = {
            f"account_{kind}": self._account(company, kind) for kind in ("revenue", "expense")
        }
        goods = {"name": "Goods", "accounting": True, **accounts}
        self.model("product.category", "create", [goods])
        countries = [{"code": code, "name": name} for code, name in COUNTRIES]
        self.model("country.country", "create", countries)

    def _chart(self, company: int) -> None:
        """Go through the wizard that makes the universal chart of accounts."""
        wizard = "wizard.account.create_chart"
        session = self.call(f"{wizard}.create", self.context)[0]
        template = self.first("account.account.template", ["parent", "=", None])
        chosen = {"account": {"account_template": template, "company": company}}
        self.call(f"{wizard}.execute", session, chosen, "create_account", self.context)
        kinds = {
            "account_receivable": "receivable",
            "account_payable": "payable",
            "category_account_revenue": "revenue",
            "category_account_expense": "expense",
        }
        usual = {name: self._account(company, kind) for name, kind in kinds.items()}
        given = {"properties": {"company": company, **usual}}
        self.call(f"{wizard}.execute", session, given, "create_properties", self.context)
        self.call(f"{wizard}.delete", session, self.context)

    def _account(self, company: int, kind: str) -> int:
        domain = [[f"type.{kind}", "=", True], ["company", "=", company], ["closed", "!=", True]]
        return self.first("account.account", *domain)

    def _year(self, company: int) -> None:
        year = datetime.now(UTC).year
        numbers = []
        for name in ("Account Move", "Invoice"):
            kind = self.first("ir.sequence.type", ["name", "=", name])
            made = {"name": name, "sequence_type": kind, "company": company}
            numbers.append(self.model("ir.sequence.strict", "create", [made])[0])
        kinds = ("out_invoice", "out_credit_note", "in_invoice", "in_credit_note")
        invoices = {"company": company, **{f"{kind}_sequence": numbers[1] for kind in kinds}}
        ids = self.model("account.fiscalyear", "create", [{
            "name": str(year), "start_date": day(year - 1, 1, 1), "end_date": day(year + 1, 12, 31),
            "company": company, "move_sequence": numbers[0],
            "invoice_sequences": [["create", [invoices]]],
        }])  # fmt: skip
        self.model("account.fiscalyear", "create_period", ids)

    # -- what people do in it --------------------------------------------------------------------
    def count_stock(self, pieces: Mapping[str, int]) -> None:
        """Take an inventory: the pieces of each product code that lie in the warehouse."""
        warehouse = self.first("stock.location", ["type", "=", "warehouse"])
        place = self.model("stock.location", "read", [warehouse], ["storage_location"])[0]
        lines = [{"product": self.first("product.product", ["code", "=", code]), "quantity": number}
                 for code, number in pieces.items()]  # fmt: skip
        today = datetime.now(UTC)
        made = self.model("stock.inventory", "create", [{
            "location": place["storage_location"], "company": self.context["company"],
            "date": day(today.year, today.month, today.day), "lines": [["create", lines]],
        }])  # fmt: skip
        self.model("stock.inventory", "confirm", made)

    def set_price(self, code: str, price: str) -> None:
        """Change the sales price of a product."""
        template = self.first("product.template", ["code", "=", code])
        self.model("product.template", "write", [template], {"list_price": decimal(price)})


@contextlib.contextmanager
def erp(folder: Path, *, empty: bool = False) -> Iterator[Erp]:
    """Run a Tryton until the block ends, in ``folder``, set up unless it shall be ``empty``.

    Raises TryLater when it cannot be installed or does not start.
    """
    installed = install()
    _configure(folder)
    name = f"{DATABASE}.sqlite"
    shutil.copyfile(installed / "db" / name, folder / "db" / name)
    password = secrets.token_urlsafe(12)
    _admin(installed, folder, password)
    program = str(installed / "venv/bin/trytond")
    words = [program, "-c", str(folder / "trytond.conf"), "-d", DATABASE]
    log = folder / "tryton.log"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with serving(words, log, "Running on ", environment) as address:
        running = Erp(f"{address}/{DATABASE}/rpc/", password)
        if not empty:
            running.set_up()
        yield running
