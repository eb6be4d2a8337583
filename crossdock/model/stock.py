"""Stock: how many of a product are where."""

from __future__ import annotations

from crossdock.model.entity import declare
from crossdock.model.fields import code, date, identifier, instant, quantity, unit
from crossdock.model.parts import number

STOCK_LEVEL = declare(
    "stock_level",
    "How many of one product are at one place, at one moment.",
    number(
        "Number of the stock level; product and place where the source has none.",
        "GS1 INVRPT line",
        "85123A@WH-1",
    ),
    identifier(
        "product_id",
        "Number of the product.",
        term="UBL Item/SellersItemIdentification/ID",
        example="85123A",
        required=True,
    ),
    identifier(
        "gtin", "Global Trade Item Number of the product.", term="GS1 GTIN", example="4006381333931"
    ),
    identifier(
        "location_id", "Number of the place.", term="UBL InventoryLocation/ID", example="WH-1"
    ),
    identifier(
        "location_gln",
        "Global Location Number of the place.",
        term="GS1 GLN",
        example="5012345000022",
    ),
    identifier("lot", "Batch or lot.", term="GS1 batch or lot (AI 10)", example="L2010-11"),
    date(
        "expires_at", "Day after which the lot cannot be sold.", term="GS1 expiration date (AI 17)"
    ),
    code(
        "status",
        "State of the goods.",
        "sellable",
        "blocked",
        "damaged",
        "in_transit",
        example="sellable",
    ),
    unit("unit", "Unit of the quantities.", term="UBL Quantity/@unitCode"),
    quantity(
        "on_hand", "How many are there.", term="UBL StockAvailabilityReport Quantity", example="120"
    ),
    quantity("reserved", "How many of them are promised.", example="20"),
    quantity("available", "How many can be sold: on hand less reserved.", example="100"),
    quantity("incoming", "How many are on their way to us.", example="48"),
    quantity("reorder_point", "At how many to buy more.", term="UBL ReorderPoint", example="30"),
    instant("counted_at", "When the quantities were true.", term="UBL AvailabilityDate"),
    standard="UBL 2.3 StockAvailabilityReport; GS1 EANCOM INVRPT",
)
