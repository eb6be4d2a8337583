"""Groups of fields that several entities share: keys, addresses, parties, lines, totals."""

from __future__ import annotations

from crossdock.model.fields import (
    Field,
    amount,
    children,
    code,
    country,
    extension,
    flag,
    identifier,
    instant,
    percent,
    price,
    quantity,
    text,
    unit,
)

LINE_KINDS = ("product", "service", "charge", "discount", "adjustment")


def number(help: str, term: str, example: str) -> Field:  # noqa: A002
    """Declare ``id``, the business number that is unique within organisation and shop."""
    return identifier("id", help, term=term, example=example, required=True)


def address(prefix: str, who: str, term: str) -> tuple[Field, ...]:
    """Declare street, city, region, postal code and country of ``prefix``.

    A prefix of ``""`` gives the plain names.
    """
    lead = f"{prefix}_" if prefix else ""
    return (
        text(
            f"{lead}street",
            f"Street and house number of {who}.",
            term=f"{term}/StreetName",
            example="12 High Street",
            personal=True,
        ),
        text(
            f"{lead}city",
            f"City of {who}.",
            term=f"{term}/CityName",
            example="Leeds",
            personal=True,
        ),
        text(
            f"{lead}region",
            f"Region, state or county of {who}.",
            term=f"{term}/CountrySubentity",
            example="West Yorkshire",
        ),
        text(
            f"{lead}postal_code",
            f"Postal code of {who}.",
            term=f"{term}/PostalZone",
            example="LS1 4DY",
            personal=True,
        ),
        country(f"{lead}country", f"Country of {who}.", term=f"{term}/Country/IdentificationCode"),
    )


def named_address(prefix: str, who: str, term: str) -> tuple[Field, ...]:
    """Declare a name and an address of ``prefix``."""
    return (
        text(
            f"{prefix}_name",
            f"Name at the address of {who}.",
            term=f"{term}/AddressLine",
            example="Jane Doe",
            personal=True,
        ),
        *address(prefix, who, term),
    )


def billing(term: str) -> tuple[Field, ...]:
    """Declare who gets the invoice."""
    return (
        identifier(
            "billing_gln",
            "Global Location Number of the invoice recipient.",
            term="GS1 GLN",
            example="5012345000022",
        ),
        *named_address("billing", "the invoice recipient", term),
    )


def party(prefix: str, who: str, term: str) -> tuple[Field, ...]:
    """Declare id, GLN and name of ``prefix``."""
    return (
        identifier(
            f"{prefix}_id",
            f"Number of {who} in the source.",
            term=f"{term}/Party/PartyIdentification/ID",
            example="17850",
        ),
        identifier(
            f"{prefix}_gln",
            f"Global Location Number of {who}.",
            term="GS1 GLN",
            example="5012345000008",
        ),
        text(
            f"{prefix}_name",
            f"Name of {who}.",
            term=f"{term}/Party/PartyName/Name",
            example="Jane Doe",
            personal=True,
        ),
    )


def buyer() -> tuple[Field, ...]:
    """Declare the buyer with contact, tax number and country."""
    term = "UBL BuyerCustomerParty"
    return (
        *party("buyer", "the buyer", term),
        identifier(
            "buyer_tax_id",
            "VAT or other tax number of the buyer.",
            term=f"{term}/Party/PartyTaxScheme/CompanyID",
            example="GB123456782",
            personal=True,
        ),
        text(
            "buyer_email",
            "E-mail address of the buyer.",
            term=f"{term}/Party/Contact/ElectronicMail",
            example="jane@example.com",
            personal=True,
        ),
        text(
            "buyer_phone",
            "Telephone number of the buyer.",
            term=f"{term}/Party/Contact/Telephone",
            example="+44 113 496 0000",
            personal=True,
        ),
        country(
            "buyer_country",
            "Country of the buyer.",
            term=f"{term}/Party/PostalAddress/Country/IdentificationCode",
        ),
        identifier(
            "buyer_reference",
            "The buyer's own reference, such as a purchase order number.",
            term="UBL CustomerReference",
            example="PO-7731",
        ),
    )


def delivery() -> tuple[Field, ...]:
    """Declare where goods go."""
    term = "UBL Delivery/DeliveryLocation"
    return (
        identifier(
            "delivery_id",
            "Number of the place of delivery in the source.",
            term=f"{term}/ID",
            example="STORE-12",
        ),
        identifier(
            "delivery_gln",
            "Global Location Number of the place of delivery.",
            term="GS1 GLN",
            example="5012345000015",
        ),
        *named_address("delivery", "the place of delivery", f"{term}/Address"),
    )


def totals() -> tuple[Field, ...]:
    """Declare the amounts of a document's footer."""
    term = "UBL LegalMonetaryTotal"
    return (
        amount(
            "line_amount",
            "Sum of the line amounts.",
            term=f"{term}/LineExtensionAmount",
            example="15.3",
        ),
        amount(
            "allowance_amount",
            "Sum of discounts on the whole document, positive.",
            term=f"{term}/AllowanceTotalAmount",
            example="1.5",
        ),
        amount(
            "charge_amount",
            "Sum of charges on the whole document, positive.",
            term=f"{term}/ChargeTotalAmount",
            example="4.99",
        ),
        amount("tax_amount", "Sum of taxes.", term="UBL TaxTotal/TaxAmount", example="3.76"),
        amount(
            "total_amount",
            "What the document comes to, taxes, charges and discounts included.",
            term=f"{term}/PayableAmount",
            example="22.55",
        ),
        flag("prices_include_tax", "Whether unit prices and line amounts contain the tax."),
    )


def item() -> tuple[Field, ...]:
    """Declare which product a line is about."""
    return (
        identifier(
            "product_id",
            "Our number of the product (SKU).",
            term="UBL Item/SellersItemIdentification/ID",
            example="85123A",
        ),
        identifier(
            "gtin",
            "Global Trade Item Number: 8, 12, 13 or 14 digits.",
            term="GS1 GTIN",
            example="4006381333931",
        ),
        identifier(
            "buyer_product_id",
            "The buyer's number of the product.",
            term="UBL Item/BuyersItemIdentification/ID",
            example="BX-100",
        ),
        identifier(
            "seller_product_id",
            "The seller's number of the product, where we are the buyer.",
            term="UBL Item/SellersItemIdentification/ID",
            example="A-9001",
        ),
        text(
            "description",
            "What the line is about, in words.",
            term="UBL Item/Name",
            example="WHITE HANGING HEART T-LIGHT HOLDER",
        ),
    )


def line_id(term: str) -> Field:
    """Declare ``line_id``, unique within its document."""
    return identifier(
        "line_id",
        "Number of the line, unique within the document.",
        term=term,
        example="1",
        required=True,
    )


def order_reference() -> tuple[Field, ...]:
    """Declare which line of which order a line belongs to."""
    return (
        identifier(
            "order_id",
            "Number of the order that the line belongs to.",
            term="UBL OrderLineReference/OrderReference/ID",
            example="536365",
        ),
        identifier(
            "order_line_id",
            "Line of that order.",
            term="UBL OrderLineReference/LineID",
            example="1",
        ),
    )


def trade_lines(term: str) -> Field:
    """Declare the lines of an order or invoice."""
    return children(
        "lines",
        "What is sold, line by line.",
        line_id(f"UBL {term}/ID"),
        code("kind", "What kind of line it is.", *LINE_KINDS, example="product"),
        *item(),
        quantity("quantity", "How many units.", term=f"UBL {term}/Quantity", example="6"),
        unit("unit", "Unit of the quantity.", term=f"UBL {term}/Quantity/@unitCode"),
        price(
            "unit_price",
            "Price of one price base quantity.",
            term="UBL Price/PriceAmount",
            example="2.55",
        ),
        quantity(
            "price_base_quantity",
            "How many units the price is for; 1 where it is not said.",
            term="UBL Price/BaseQuantity",
            example="1",
        ),
        amount(
            "allowance_amount",
            "Discount on this line, positive.",
            term="UBL AllowanceCharge/Amount",
            example="0.5",
        ),
        amount(
            "charge_amount",
            "Charge on this line, positive.",
            term="UBL AllowanceCharge/Amount",
            example="0.2",
        ),
        code(
            "tax_category",
            "UN/CEFACT 5305 category of the tax, such as S, Z or E.",
            term="UBL ClassifiedTaxCategory/ID",
            example="S",
        ),
        percent("tax_rate", "Rate of the tax.", term="UBL ClassifiedTaxCategory/Percent"),
        amount("tax_amount", "Tax of this line.", term="UBL TaxTotal/TaxAmount", example="3.06"),
        amount(
            "line_amount",
            "Quantity times price, less line discounts, plus line charges.",
            term=f"UBL {term}/LineExtensionAmount",
            example="15.3",
        ),
        instant(
            "requested_delivery_at", "When this line is wanted.", term="UBL RequestedDeliveryPeriod"
        ),
        *order_reference(),
        extension(),
        term=f"UBL {term}",
    )


def charges() -> Field:
    """Declare charges and discounts on the whole document."""
    return children(
        "charges",
        "Charges and discounts on the whole document.",
        flag(
            "is_charge",
            "true for a charge, false for a discount.",
            term="UBL AllowanceCharge/ChargeIndicator",
            required=True,
        ),
        code(
            "reason_code",
            "UN/CEFACT 5189 or 7161 code of the reason, such as FC (freight).",
            term="UBL AllowanceCharge/AllowanceChargeReasonCode",
            example="FC",
        ),
        text(
            "reason",
            "The reason in words.",
            term="UBL AllowanceCharge/AllowanceChargeReason",
            example="Postage",
        ),
        amount(
            "amount", "The amount, positive.", term="UBL AllowanceCharge/Amount", example="4.99"
        ),
        percent(
            "tax_rate", "Rate of the tax on it.", term="UBL AllowanceCharge/TaxCategory/Percent"
        ),
        term="UBL AllowanceCharge",
    )


def taxes() -> Field:
    """Declare the tax table of a document."""
    return children(
        "taxes",
        "Tax by category and rate.",
        code(
            "category",
            "UN/CEFACT 5305 category, such as S, Z or E.",
            term="UBL TaxCategory/ID",
            example="S",
        ),
        percent("rate", "Rate of the tax.", term="UBL TaxCategory/Percent"),
        amount(
            "taxable_amount",
            "Amount that is taxed.",
            term="UBL TaxSubtotal/TaxableAmount",
            example="18.79",
        ),
        amount("tax_amount", "The tax.", term="UBL TaxSubtotal/TaxAmount", example="3.76"),
        term="UBL TaxTotal/TaxSubtotal",
    )
