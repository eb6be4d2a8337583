"""Words of the sample data: made-up goods, people and places, and the codes of no goods at all."""

from __future__ import annotations

from typing import Final, NamedTuple

COLOURS: Final = (
    "RED", "WHITE", "BLUE", "PINK", "GREEN", "IVORY", "CREAM", "SILVER", "GOLD", "COPPER",
    "MINT", "LILAC", "BLACK", "NATURAL", "TEAL", "AMBER", "GREY", "ROSE", "NAVY", "LEMON",
)  # fmt: skip
STYLES: Final = (
    "POLKADOT", "VINTAGE", "WOODLAND", "PAISLEY", "NORDIC", "ORCHARD", "HARBOUR", "MEADOW",
    "GINGHAM", "BLOSSOM", "STRIPED", "ALPINE", "FEATHER", "CIRCUS", "LACE", "TARTAN", "SWALLOW",
    "CLOVER", "LANTERN", "SAILOR",
)  # fmt: skip
THINGS: Final = (
    "TEA TOWEL", "CAKE TIN", "LUNCH BOX", "BUNTING", "MUG", "DOORSTOP", "CANDLE HOLDER",
    "STORAGE JAR", "CUSHION COVER", "WALL CLOCK", "PICTURE FRAME", "NOTEBOOK", "GIFT TAGS",
    "SHOPPING BAG", "WATERING CAN", "EGG CUPS", "PHOTO ALBUM", "HOT WATER BOTTLE", "PLANTER",
    "NAPKINS", "TOY BOX", "MIRROR", "APRON", "BREAD BIN", "COAT HOOK", "PARTY CUPS", "RIBBON",
    "SPOON REST", "TRINKET BOX", "WREATH", "PENCIL CASE", "COASTERS", "DRAWER KNOB", "TRAY",
    "UMBRELLA", "SOAP DISH", "LAMPSHADE", "KITCHEN SCALES", "PURSE", "METAL SIGN",
)  # fmt: skip
TROUBLE: Final = (
    "{c}  {s} {t}",  # two spaces
    "{c} {s} {t} ,SET OF 4",
    'TRAY 12" {c} {s} {t}',
    "GARDENER'S {c} {s} {t}",
    "{c}/{s} {t}",
    " {c} {s} {t}",
    "{c} {s} {t}.",
    "CAFÉ {c} {s} {t}",
)
"""How one description in eight makes trouble for those who split, trim or quote carelessly."""

NOTES: Final = (
    "check", "?", "damages", "damaged", "found", "adjustment", "Damaged", "thrown away",
    "wrong code", "lost in space", "??", "Found", "sold as set", "wet", "counted", "mailout ",
)  # fmt: skip
"""What people wrote into the description when they corrected stock."""

COUNTRIES: Final = {
    "United Kingdom": 20_000, "Germany": 520, "France": 400, "EIRE": 320, "Spain": 90,
    "Netherlands": 100, "Belgium": 105, "Switzerland": 64, "Portugal": 61, "Australia": 60,
    "Norway": 38, "Italy": 49, "Channel Islands": 30, "Finland": 42, "Cyprus": 18, "Sweden": 40,
    "Unspecified": 12, "Austria": 18, "Denmark": 20, "Japan": 24, "Poland": 21, "Israel": 8,
    "USA": 8, "Hong Kong": 14, "Singapore": 9, "Iceland": 6, "Canada": 7, "Greece": 6,
    "Malta": 7, "United Arab Emirates": 4, "European Community": 4, "RSA": 2, "Lebanon": 2,
    "Lithuania": 3, "Brazil": 2, "Czech Republic": 4, "Bahrain": 3, "Saudi Arabia": 2,
}  # fmt: skip
"""Countries as the source spells them, with weights."""

SPECIAL_COUNTRIES: Final = (
    "EIRE", "RSA", "Channel Islands", "European Community", "Unspecified", "USA", "Germany",
)  # fmt: skip
"""Countries that are there however few orders are asked for."""

FIRST_NAMES: Final = (
    "Ada", "Żaneta", "Jürgen", "Siobhán", "Luís", "Noor", "O'Neil", "Yuki", "Анна", "Zoë", "Ben",
    "Marta",
)  # fmt: skip
LAST_NAMES: Final = (
    "Okafor", "Müller", "Nguyễn", "D'Arcy", "Smith-Jones", "Kowalska", "Tanaka", "Иванова",
    "Núñez", "van der Berg", "Li", "Østergaard",
)  # fmt: skip
STREETS: Final = ("High Street", "Rue de l'Église", "Hauptstraße", "Mill Lane", "Calle Mayor")
CITIES: Final = {
    "GB": ("Leeds", "LS1 4DY"), "DE": ("Köln", "50667"), "FR": ("Orléans", "45000"),
    "IE": ("Cork", "T12 X70A"), "ES": ("A Coruña", "15001"), "JP": ("大阪市", "530-0001"),
    "KW": ("Kuwait City", "13001"), "NA": ("Windhoek", "10005"), "PL": ("Łódź", "90-001"),
}  # fmt: skip


class Service(NamedTuple):
    """A stock code that is no product: its price is in thousandths; ``often`` is per 25,900."""

    code: str
    description: str
    price: int
    often: int
    on: str  # sale, guest or credit
    varies: bool = False


SERVICES: Final = (
    Service("POST", "POSTAGE", 18_000, 1_130, "sale"),
    Service("POST", "POSTAGE", 18_000, 126, "credit"),
    Service("DOT", "DOTCOM POSTAGE", 184_940, 710, "guest", True),
    Service("C2", "CARRIAGE", 50_000, 144, "sale"),
    Service("M", "Manual", 7_950, 326, "sale", True),
    Service("M", "Manual", 7_950, 244, "credit", True),
    Service("m", "Manual", 2_550, 1, "sale"),
    Service("D", "Discount", 22_970, 77, "credit", True),
    Service("S", "SAMPLES", 19_500, 61, "credit", True),
    Service("BANK CHARGES", "Bank Charges", 15_000, 12, "sale"),
    Service("BANK CHARGES", "Bank Charges", 82_730, 25, "credit", True),
    Service("AMAZONFEE", "AMAZON FEE", 5_909_880, 32, "credit", True),
    Service("CRUK", "CRUK Commission", 471_770, 16, "credit", True),
    Service("PADS", "PADS TO MATCH ALL CUSHIONS", 1, 4, "sale"),
    Service("gift_0001_10", "Gift Voucher £10.00", 8_330, 9, "guest"),
    Service("gift_0001_20", "Gift Voucher £20.00", 16_670, 10, "guest"),
    Service("gift_0001_30", "Gift Voucher £30.00", 25_000, 8, "guest"),
    Service("DCGSSGIRL", "GIRLS PARTY BAG", 3_290, 13, "sale"),
    Service("DCGS0076", "SUNJAR LED NIGHT NIGHT LIGHT", 16_130, 2, "sale"),
    Service("B", "Adjust bad debt", 11_062_060, 0, "debt"),
)


def describe(number: int) -> str:
    """Make the description of product ``number``; one in eight is made for trouble.

    >>> describe(3)
    'WHITE SAILOR BUNTING'
    """
    colour = COLOURS[number * 7 % len(COLOURS)]
    style = STYLES[(number // len(THINGS) * 3 + number * 13) % len(STYLES)]
    thing = THINGS[number % len(THINGS)]
    form = TROUBLE[number // 8 % len(TROUBLE)] if number % 8 == 5 else "{c} {s} {t}"
    return form.format(c=colour, s=style, t=thing)
