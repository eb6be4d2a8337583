"""Code lists of the standards: ISO 4217, ISO 3166-1 and UN/ECE Recommendation 20.

Names of currencies and countries come from pycountry (Debian iso-codes), which has no minor
units; those are the ISO 4217 list one (six-group.com/en/products-services/financial-information/
data-standards.html). CLDR's fraction digits would be wrong here: they say how many decimals
people write (none for IQD), not how many the currency has (three).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from crossdock.errors import Misconfigured

UNKNOWN_COUNTRY = "ZZ"
"""What stands for a country that the source does not name (CLDR's code for it)."""

_MINOR_UNITS: Mapping[int | None, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF BYR",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    None: "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX",
}

_WITHDRAWN: Mapping[str, str] = {
    "ANG": "Netherlands Antillean Guilder",
    "BGN": "Bulgarian Lev",
    "BYR": "Belarusian Ruble (to 2016)",
    "CUC": "Peso Convertible",
    "EEK": "Kroon",
    "HRK": "Kuna",
    "LTL": "Lithuanian Litas",
    "LVL": "Latvian Lats",
    "MRO": "Ouguiya (to 2017)",
    "SKK": "Slovak Koruna",
    "SLL": "Leone (to 2023)",
    "STD": "Dobra (to 2017)",
    "VEF": "Bolívar (to 2018)",
    "ZMK": "Zambian Kwacha (to 2012)",
    "ZWL": "Zimbabwe Dollar (to 2024)",
}
"""Currencies that old documents still name; all but BYR had two decimals."""

_USER_ASSIGNED = {"XI": "Northern Ireland (VAT)", "XK": "Kosovo", UNKNOWN_COUNTRY: "Unknown"}

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "C62": "one",
        "H87": "piece",
        "EA": "each",
        "NAR": "number of articles",
        "PR": "pair",
        "SET": "set",
        "DZN": "dozen",
        "GRO": "gross",
        "CEN": "hundred",
        "MIL": "thousand",
        "NPR": "number of pairs",
        "KT": "kit",
        "AS": "assortment",
        "XPK": "package",
        "XPA": "packet",
        "XBX": "box",
        "XCT": "carton",
        "XCS": "case",
        "XBG": "bag",
        "XBO": "bottle",
        "XCA": "can",
        "XRO": "roll",
        "XPX": "pallet",
        "XUN": "unit",
        "MGM": "milligram",
        "GRM": "gram",
        "KGM": "kilogram",
        "TNE": "tonne",
        "ONZ": "ounce",
        "LBR": "pound",
        "MMT": "millimetre",
        "CMT": "centimetre",
        "DMT": "decimetre",
        "MTR": "metre",
        "KMT": "kilometre",
        "INH": "inch",
        "FOT": "foot",
        "YRD": "yard",
        "CMK": "square centimetre",
        "MTK": "square metre",
        "FTK": "square foot",
        "MMQ": "cubic millimetre",
        "CMQ": "cubic centimetre",
        "DMQ": "cubic decimetre",
        "MTQ": "cubic metre",
        "MLT": "millilitre",
        "CLT": "centilitre",
        "DLT": "decilitre",
        "LTR": "litre",
        "HLT": "hectolitre",
        "GLL": "gallon (US)",
        "GLI": "gallon (UK)",
        "OZA": "fluid ounce (US)",
        "PTI": "pint (UK)",
        "SEC": "second",
        "MIN": "minute",
        "HUR": "hour",
        "DAY": "day",
        "WEE": "week",
        "MON": "month",
        "ANN": "year",
        "KWH": "kilowatt hour",
        "LH": "labour hour",
        "E49": "working day",
        "P1": "percent",
        "LS": "lump sum",
        "ZZ": "mutually defined",
    }
)
"""Common UN/ECE Recommendation 20 units (and Recommendation 21 packages with X before) by code."""


@cache
def currencies() -> Mapping[str, str]:
    """Names of ISO 4217 currencies by code, withdrawn ones that old documents name included."""
    import pycountry

    present = {str(item.alpha_3): str(item.name) for item in pycountry.currencies}
    return MappingProxyType({**_WITHDRAWN, **present})


@cache
def countries() -> Mapping[str, str]:
    """Names of ISO 3166-1 countries by alpha-2 code, with XI, XK and ZZ (unknown).

    >>> countries()["NA"]
    'Namibia'
    """
    import pycountry

    official = {str(item.alpha_2): str(item.name) for item in pycountry.countries}
    return MappingProxyType({**_USER_ASSIGNED, **official})


def minor_units(currency: str) -> int | None:
    """Say how many decimals a currency has; None where it has none to speak of (gold, XXX).

    Raises Misconfigured for a code that is no ISO 4217 currency.

    >>> minor_units("KWD"), minor_units("JPY"), minor_units("GBP")
    (3, 0, 2)
    """
    if currency not in currencies():
        raise Misconfigured(
            f"{currency!r} is no ISO 4217 currency", fix="use a code of three capitals such as EUR"
        )
    return _exceptions().get(currency, 2)


@cache
def _exceptions() -> Mapping[str, int | None]:
    return {code: digits for digits, codes in _MINOR_UNITS.items() for code in codes.split()}
