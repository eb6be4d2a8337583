"""Code lists: minor units that differ from the usual two, and codes that trip naive readers."""

from __future__ import annotations

import doctest

import pytest

import crossdock.model
from crossdock.errors import Misconfigured
from crossdock.model import codes, fields


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("GBP", 2), ("JPY", 0), ("KWD", 3), ("IQD", 3), ("CLF", 4), ("MGA", 2), ("XAU", None),
     ("ISK", 0), ("HUF", 2), ("BGN", 2), ("HRK", 2), ("BYR", 0), ("RSD", 2)],
)  # fmt: skip
def test_minor_units_are_those_of_iso_4217(currency: str, digits: int | None) -> None:
    assert codes.minor_units(currency) == digits


def test_every_exception_is_a_currency() -> None:
    assert set(codes._exceptions()) <= set(codes.currencies())
    assert len(codes.currencies()) > 170


@pytest.mark.parametrize("word", ["gbp", "", "EURO", "ZZZ"])
def test_an_unknown_currency_is_misconfigured(word: str) -> None:
    with pytest.raises(Misconfigured):
        codes.minor_units(word)


def test_countries_have_namibia_and_the_unknown() -> None:
    assert codes.countries()["NA"] == "Namibia"
    assert {"GB", "XK", codes.UNKNOWN_COUNTRY} <= set(codes.countries())
    assert not {"UK", "EU", "GBR"} & set(codes.countries())


def test_units_have_two_or_three_characters() -> None:
    assert {len(code) for code in codes.UNITS} <= {2, 3}
    assert codes.UNITS["C62"] == "one"


@pytest.mark.parametrize("module", [codes, fields, crossdock.model])
def test_examples_in_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
