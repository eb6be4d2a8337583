"""The shapes of the X12 sets that become documents: 850, 855, 860, 810, 846 and 832.

Documents have the same fields as those of the EDIFACT message that says the same, so that the
same mappings serve both. The 856 is a tree and has a module of its own.
"""

from __future__ import annotations

from functools import cache

from crossdock.edi.x12.shape import Line, parse

MEANS = {
    "850": "ORDERS", "855": "ORDRSP", "856": "DESADV", "810": "INVOIC", "846": "INVRPT",
    "832": "PRICAT", "860": "ORDCHG",
}  # fmt: skip
"""The EDIFACT message that says the same as a set."""

SETS = {message: name for name, message in MEANS.items()}

_PARTIES = """\
N1+BY+{buyer_name}+{&buyer}
  <N4++++{buyer_country}
  REF+VX|TJ+{buyer_tax_id}
  PER+BD|*++TE+{buyer_phone}
  PER+BD|*++EM+{buyer_email}
  <PER+*++*+*+EM+{buyer_email}
N1+SU|VN|SE+{supplier_name}+{&supplier}
  REF+VX|TJ+{supplier_tax_id}
N1+ST+{delivery_name}+{&delivery}
  N3+{delivery_street}
  N4+{delivery_city}++{delivery_postal_code}+{delivery_country}
"""

_BILLED = """\
N1+BT+{invoicee_name}+{&invoicee}
  N3+{invoicee_street}
  N4+{invoicee_city}++{invoicee_postal_code}+{invoicee_country}
"""

_CHARGE = "charges: SAC+{indicator!}+{code=ZZZZ}+++{$amount}++++++++++{reason}\n"

_ORDER = f"""\
CUR+BY|*+{{currency!}}
REF+CT+{{contract_number}}
{_CHARGE}\
ITD++++++++++++{{payment_terms}}
DTM+002|010|063|064+{{@delivery_date}}
N9+L1|*+{{note_kind}}
  MSG+{{note}}
{_PARTIES}{_BILLED}\
"""

_LINE = f"""\
  PID+F++++{{description}}
  {_CHARGE}\
  DTM+002|010|063|064+{{@delivery_date}}
"""

_TEXTS = {
    "850": f"""\
BEG+{{function|function=00}}+{{type|order=SA}}+{{number!}}++{{@date!}}
{_ORDER}\
lines: PO1+{{line}}+{{#quantity!}}+{{^unit=EA}}+{{#price}}++{{%}}
{_LINE}\
CTT+{{=PO1}}
""",
    "860": f"""\
BCH+{{function|function=04}}+{{type|order=SA}}+{{order_number!}}++{{sequence}}+{{@date!}}+++{{number!}}
{_ORDER}\
lines: POC+{{line}}+{{action|change=CA}}+{{#quantity}}++{{^unit=EA}}+{{#price}}++{{%}}
{_LINE}\
CTT+{{=POC}}
""",
    "855": f"""\
BAK+{{function|function=00}}+{{response|answer=AC}}+{{order_number!}}+{{@date!}}++++{{number}}
CUR+SE|*+{{currency}}
REF+VN+{{supplier_order_number}}
DTM+067|068|002|010+{{@delivery_date}}
N9+L1|*+{{note_kind}}
  MSG+{{note}}
{_PARTIES}\
lines: PO1+{{line}}+{{#quantity}}+{{^unit=EA}}+{{#price}}++{{%}}
  PID+F++++{{description}}
  ACK+{{action|line!}}+{{#confirmed}}+{{^confirmed_unit}}+=067+{{@delivery_date}}
CTT+{{=PO1}}
""",
    "810": f"""\
BIG+{{@date!}}+{{number!}}++{{order_number}}+++{{type|invoice=DI}}
CUR+SE|*+{{currency!}}
REF+SI|PK+{{despatch_number}}
REF+RV+{{receiving_number}}
REF+OI|IV+{{original_number}}
{_PARTIES}{_BILLED}\
ITD++++++{{@due_date}}++++++{{payment_terms}}
DTM+011|035|002+{{@delivery_date}}
N9+L1|*+{{note_kind}}
  MSG+{{note}}
lines: IT1+{{line}}+{{#quantity!}}+{{^unit=EA}}+{{#price!}}++{{%}}
  TXI+VA|*+{{#tax_amount}}+{{#tax_rate}}
  PID+F++++{{description}}
  REF+PO|ON+{{order_number}}
  REF+LI|FL+{{order_line}}
  {_CHARGE}\
TDS+{{$total!}}
taxes: TXI+VA|*+{{#tax}}+{{#rate}}+++++{{#taxable}}
{_CHARGE}\
CTT+{{=IT1}}
""",
    "846": f"""\
BIA+{{function|function=00}}+=SI+{{number!}}+{{@date!}}
CUR+SE|*+{{currency}}
DTM+007|036|050+{{@counted_at}}
{_PARTIES.partition("N1+ST")[0]}\
N1+WH|SF+{{warehouse_name}}+{{&warehouse}}
lines: LIN+{{line}}+{{%}}
  PID+F++++{{description}}
  DTM+007|036|050+{{@counted_at}}
  stocks: QTY+{{kind|stock!}}+{{#quantity!}}+{{^unit=EA}}
CTT+{{=LIN}}
""",
    "832": f"""\
BCT+=PC+{{number!}}+{{price_list}}+++++++{{function|function=00}}
DTM+097|152|009+{{@date!}}
DTM+007|171|196+{{@valid_from}}
DTM+036|197+{{@valid_until}}
CUR+SE|*+{{currency!}}
{_PARTIES.partition("N1+ST")[0]}\
lines: LIN+{{line}}+{{%}}
  DTM+007|171|196+{{@valid_from}}
  DTM+036|197+{{@valid_until}}
  PID+F++++{{description}}
  MEA+=WT+G+{{#gross_weight}}+{{^weight_unit}}
  MEA+=WT+N+{{#net_weight}}+{{^weight_unit}}
  prices: CTP++{{price_type|price=CAT}}+{{#amount!}}
    DTM+007|171|196+{{@valid_from}}
    DTM+036|197+{{@valid_until}}
CTT+{{=LIN}}
""",
}


@cache
def shape_of(name: str) -> Line:
    """Give the shape of a set; raises KeyError where it has none."""
    return parse(_TEXTS[name])
