"""What the hub's tables are made of: exact decimals, UTC instants, and columns in short.

Decimals are exact: NUMERIC on PostgreSQL, integers scaled by a million on SQLite. Instants are
UTC: timestamptz on PostgreSQL, ISO text on SQLite.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

SCALE = 6
_MILLION = 10**SCALE

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Exact(TypeDecorator[Decimal]):
    """A decimal with at most six places: NUMERIC(18, 6), or a scaled integer on SQLite."""

    impl = sa.Numeric(18, SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the column type of the database."""
        kind: Any = sa.BigInteger() if dialect.name == "sqlite" else sa.Numeric(18, SCALE)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Any:
        """Scale for SQLite; raises ValueError rather than round."""
        if value is None or dialect.name != "sqlite":
            return value
        scaled = Decimal(value) * _MILLION
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {SCALE} decimals")
        return int(scaled)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        """Give the exact decimal back."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        return Decimal(int(value)).scaleb(-SCALE)


class Total(Exact):
    """A sum of many amounts: NUMERIC(38, 6), or a scaled integer on SQLite."""

    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the column type of the database."""
        kind: Any = sa.BigInteger() if dialect.name == "sqlite" else sa.Numeric(38, SCALE)
        return dialect.type_descriptor(kind)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz, or ISO text with microseconds on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the column type of the database."""
        kind: Any = sa.String(32) if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Write UTC; raises ValueError for an instant without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        value = value.astimezone(UTC)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Give an aware datetime back."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


def number() -> Any:
    """Give the type of ids and of numbers that a counter hands out."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    """Make a column of text."""
    return sa.Column(name, sa.Text(), nullable=nullable, **options)


def instant(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    """Make a column of UTC instants."""
    return sa.Column(name, Instant(), nullable=nullable)


def amount(name: str = "amount") -> sa.Column[Any]:
    """Make a column of exact decimals; null where it could not be counted."""
    return sa.Column(name, Exact(), nullable=True)


def count(name: str) -> sa.Column[Any]:
    """Make a column that counts from zero."""
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
