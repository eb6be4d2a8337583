"""Sales reports: what was sold where, in a period, without single orders."""

from __future__ import annotations

from crossdock.model.entity import declare
from crossdock.model.fields import (
    amount,
    children,
    code,
    currency,
    date,
    extension,
    identifier,
    instant,
    price,
    quantity,
    unit,
)
from crossdock.model.parts import item, line_id, number, party

SALES_REPORT = declare(
    "sales_report",
    "What was sold at which place in a period, as a retailer or marketplace reports it.",
    number("Number of the report.", "GS1 EANCOM SLSRPT", "SLS-2010-48"),
    code("status", "Whether it is final.", "provisional", "final", "corrected", example="final"),
    instant("issued_at", "When the report was made.", term="UBL IssueDate, IssueTime"),
    date("period_from", "First day of the period.", term="UBL Period/StartDate"),
    date("period_until", "Last day of the period.", term="UBL Period/EndDate"),
    *party("reporter", "the party that reports", "UBL SenderParty"),
    *party("supplier", "the supplier of the goods", "UBL SellerSupplierParty"),
    currency("currency", "Currency of all amounts.", term="UBL DocumentCurrencyCode"),
    amount("total_amount", "Sum of the line amounts.", example="1530"),
    children(
        "lines",
        "Sales, line by line.",
        line_id("UBL SalesItem/ID"),
        identifier("location_id", "Number of the place of sale.", example="STORE-12"),
        identifier(
            "location_gln",
            "Global Location Number of the place of sale.",
            term="GS1 GLN",
            example="5012345000015",
        ),
        *item(),
        date("sold_at", "Day of the sale.", term="UBL SalesItem/ActivityPeriod"),
        quantity(
            "quantity",
            "How many were sold; negative for returns.",
            term="UBL SalesItem/Quantity",
            example="600",
        ),
        unit("unit", "Unit of the quantity.", term="UBL Quantity/@unitCode"),
        price(
            "unit_price", "Average price of one unit.", term="UBL Price/PriceAmount", example="2.55"
        ),
        amount("line_amount", "What they were sold for.", example="1530"),
        quantity("on_hand", "How many were left at the end of the period.", example="140"),
        extension(),
        term="UBL SalesItem",
    ),
    standard="UBL 2.3 ProductActivity; GS1 EANCOM SLSRPT",
    amount_field="total_amount",
    currency_field="currency",
)
