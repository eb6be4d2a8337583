"""Conversions: the quick way over columns gives what the plain function gives."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.convert import Conversion, conversion, conversions, find
from crossdock.convert.columns import as_text
from crossdock.errors import Misconfigured
from tests.faults.catalogue import fault

NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.text("0123456789.,-+eE ' ", max_size=12),
    st.integers().map(str),
    st.floats().map(repr),
)


def agree(name, values, **options):
    """Compare the run over a column with the plain function, value by value."""
    made = find(name)
    got, complaints = made.run(pa.array(values, pa.string()), **options)
    for position, value in enumerate(values):
        wanted, complaint = plainly(made, value, options)
        assert complaints.get(position) == complaint, value
        assert got[position].as_py() == wanted, value


def plainly(made, value, options):
    try:
        return made(value, **options), None
    except ValueError as error:
        return None, str(error)


@settings(deadline=None)
@given(st.lists(NUMBERS, max_size=8))
def test_numbers_by_column_are_numbers_by_value(values):
    agree("decimal", values)
    agree("decimal", values, decimal=",", thousands=".")
    agree("quantity", values, whole=True)
    agree("whole_number", values)
    agree("whole_text", values)
    agree("money", values, currency="GBP")
    agree("money", values, currency="JPY")
    agree("money", values, currency="KWD", decimal=",")


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=15), st.text("0123456789.E+", max_size=15)), max_size=8))
def test_texts_by_column_are_texts_by_value(values):
    for name in ("text", "trimmed", "identifier", "gtin", "gln"):
        agree(name, values)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**13 - 1).map(lambda number: f"{number:013}"), max_size=20))
def test_check_digits_by_column_are_check_digits_by_value(values):
    agree("gtin", values)


MOMENTS = st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1))  # noqa: DTZ001
BERLIN = st.integers(0, 60 * 24 * 4).map(
    lambda minute: datetime(2026, 10, 24) + timedelta(minutes=minute)  # noqa: DTZ001
)


@settings(deadline=None)
@given(st.lists(st.one_of(MOMENTS, BERLIN, st.just(datetime(2026, 3, 29, 2, 30))), max_size=6))  # noqa: DTZ001
def test_instants_by_column_are_instants_by_value(moments):
    iso = [moment.isoformat(sep=" ", timespec="seconds") for moment in moments]
    for fold in ("", "first", "second"):
        agree("instant", iso, zone="Europe/Berlin", fold=fold)
        agree("instant", iso, zone="Europe/Berlin", fold=fold, format="%Y-%m-%d %H:%M:%S")
    agree("instant", [f"{text}+02:00" for text in iso])
    agree("instant", iso)


@fault("M13")
@pytest.mark.parametrize(
    "text",
    [
        "2010-02-30 00:00:00",
        "2010-12-01 24:00:00",
        "2016-12-31 23:59:60",
        "2010-1-1 00:00:00",
        "2010-12-01",
        "9999-12-31 00:00:00",
        "0001-01-01 00:00:00",
        "",
        "x",
    ],
)
def test_odd_days_agree(text):
    agree("instant", [text], zone="UTC")
    agree("instant", [text], zone="UTC", format="%Y-%m-%d %H:%M:%S")
    agree("instant", [f"{text}Z"])


@fault("L13", "M12")
def test_a_local_hour_that_happened_twice_needs_a_word():
    berlin = ZoneInfo("Europe/Berlin")
    twice = "2026-10-25 02:30:00"
    first = find("instant")(twice, zone="Europe/Berlin", fold="first")
    second = find("instant")(twice, zone="Europe/Berlin", fold="second")
    assert second - first == timedelta(hours=1)
    assert first.astimezone(berlin).replace(tzinfo=None) == datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    with pytest.raises(ValueError, match="happened twice"):
        find("instant")(twice, zone="Europe/Berlin")
    with pytest.raises(ValueError, match="never happened"):
        find("instant")("2026-03-29 02:30:00", zone="Europe/Berlin")


@fault("M01")
@pytest.mark.parametrize("value", [19.99, 0.1, 1e-05, 5e-324, 1.7e308, -0.0])
def test_a_float_is_its_shortest_representation_or_a_fault(value):
    got, complaints = find("decimal").run(pa.array([repr(value)]))
    exact = Decimal(repr(value))
    if math.isclose(value, 5e-324) or abs(value) > 1e12:
        assert complaints
    else:
        assert got[0].as_py() == exact


@fault("M01")
def test_ten_times_a_tenth_is_one():
    got, _ = find("decimal").run(pa.array(["0.1"]))
    assert sum([got[0].as_py()] * 10) == 1


@settings(deadline=None)
@given(st.decimals(-(10**11), 10**11, places=6))
def test_a_decimal_comes_back_from_its_text(value):
    array = pa.array([value], pa.decimal128(18, 6))
    text = as_text(array)[0].as_py()
    assert "e" not in text.lower()
    assert Decimal(text) == value
    assert text == find("plain")(value)


@fault("M14")
@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)))  # noqa: DTZ001
def test_epochs_are_counted_exactly(moment):
    aware = moment.replace(tzinfo=UTC)
    micro = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert find("epoch")(str(micro), count="us") == aware
    if micro % 1000 == 0:
        assert find("epoch")(str(micro // 1000), count="ms") == aware
    with pytest.raises(ValueError, match="outside"):
        find("epoch")(str(micro), count="s")


def test_every_conversion_is_documented_and_has_an_example():
    for name, item in conversions().items():
        assert item.__doc__, name
        assert ">>>" in item.__doc__, name


def test_an_unknown_conversion_suggests_the_nearest():
    with pytest.raises(Misconfigured, match="did you mean 'instant'"):
        find("instnat")
    with pytest.raises(Misconfigured, match=r"there is no conversion 'os\.system'"):
        find("os.system")


def test_a_function_may_take_all_values_as_a_series():
    @conversion(gives="text")
    def shout(values: pd.Series) -> pd.Series:  # noqa: F821
        """Shout, and refuse to whisper."""
        return values.str.upper().where(values != "hush")

    assert isinstance(shout, Conversion)
    got, complaints = shout.run(pa.array(["a", "hush", None]))
    assert got.to_pylist() == ["A", None, None]
    assert complaints == {1: "is refused by shout"}
