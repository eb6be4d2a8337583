"""Parties and places: who we trade with, and where things are."""

from __future__ import annotations

from crossdock.model.entity import declare
from crossdock.model.fields import code, currency, flag, identifier, text
from crossdock.model.parts import address, number

PARTY = declare(
    "party",
    "A customer or a supplier.",
    number("Number of the party.", "UBL Party/PartyIdentification/ID", "17850"),
    code(
        "kind",
        "What the party is to us.",
        "customer",
        "supplier",
        "carrier",
        "marketplace",
        example="customer",
        required=True,
    ),
    code("status", "Whether we trade with it.", "active", "blocked", "closed", example="active"),
    identifier("gln", "Global Location Number.", term="GS1 GLN", example="5012345000008"),
    flag("is_company", "true for a company, false for a person."),
    text(
        "name",
        "Full name of the company or person.",
        term="UBL Party/PartyName/Name",
        example="Jane Doe",
        personal=True,
    ),
    text(
        "contact_name",
        "Person to speak to.",
        term="UBL Party/Contact/Name",
        example="John Doe",
        personal=True,
    ),
    identifier(
        "tax_id",
        "VAT or other tax number.",
        term="UBL Party/PartyTaxScheme/CompanyID",
        example="GB123456782",
        personal=True,
    ),
    identifier(
        "registration_id",
        "Number in the register of companies.",
        term="UBL Party/PartyLegalEntity/CompanyID",
        example="01234567",
    ),
    text(
        "email",
        "E-mail address.",
        term="UBL Party/Contact/ElectronicMail",
        example="jane@example.com",
        personal=True,
    ),
    text(
        "phone",
        "Telephone number.",
        term="UBL Party/Contact/Telephone",
        example="+44 113 496 0000",
        personal=True,
    ),
    *address("", "the party", "UBL Party/PostalAddress"),
    code(
        "language", "Language to write in, ISO 639-1.", term="UBL Party/Language/ID", example="en"
    ),
    currency("currency", "Usual currency."),
    text(
        "payment_terms",
        "Usual terms, in words.",
        term="UBL PaymentTerms/Note",
        example="30 days net",
    ),
    code("customer_group", "Price or tax group in the source's words.", example="wholesale"),
    standard="UBL 2.3 Party; GS1 EANCOM PARTIN",
)

LOCATION = declare(
    "location",
    "A place that holds, sends or receives goods: warehouse, store, dock.",
    number("Number of the place.", "UBL Location/ID", "WH-1"),
    identifier("gln", "Global Location Number.", term="GS1 GLN", example="5012345000022"),
    text("name", "Name of the place.", term="UBL Location/Name", example="Warehouse Leeds"),
    code(
        "kind",
        "What kind of place it is.",
        "warehouse",
        "store",
        "dock",
        "pick_up_point",
        "office",
        "virtual",
        term="UBL LocationTypeCode",
        example="warehouse",
    ),
    code("status", "Whether it is in use.", "active", "closed", example="active"),
    identifier("parent_id", "Place that it is a part of.", example="WH"),
    identifier("party_id", "Party that it belongs to.", example="17850"),
    *address("", "the place", "UBL Location/Address"),
    code("time_zone", "Time zone of the place, by its IANA name.", example="Europe/London"),
    standard="UBL 2.3 Location; GS1 GLN",
)
