"""Orders, their changes and the answers to them: ORDERS, ORDCHG and ORDRSP."""

_DATES = """\
DTM+137:{@date!}
DTM+2|64|63|69|17:{@delivery_date}
"""

_NOTES = """\
FTX+AAB+++{~payment_terms/5x70}
FTX+AAI|PUR|GEN|ZZZ|*+++{~note/5x70}
"""

BUYER = """\
NAD+BY+{&buyer}++{~buyer_name/2x35}+++++{buyer_country}
  RFF+VA:{buyer_tax_id}
  CTA+OC|PD|IC|*
    COM+{buyer_email}:EM
    COM+{buyer_phone}:TE
"""

SUPPLIER = """\
NAD+SU|SE+{&supplier}++{~supplier_name/2x35}
  RFF+VA:{supplier_tax_id}
"""

DELIVERY = """\
NAD+DP|ST+{&delivery}++{~delivery_name/2x35}+{~delivery_street/3x35}+{delivery_city}++\
{delivery_postal_code}+{delivery_country}
"""

INVOICEE = """\
NAD+IV+{&invoicee}++{~invoicee_name/2x35}+{~invoicee_street/3x35}+{invoicee_city}++\
{invoicee_postal_code}+{invoicee_country}
"""

CHARGES = """\
charges: ALC+{indicator!}++++{reason_code}:::{~reason/2x35}
  PCD+3|1|2|*:{#percent}
  MOA+8|23|204:{#amount}
  TAX+7+VAT+++:::{#tax_rate}+{tax_category}
"""

PRODUCT = """\
  PIA+5|1+{%%}
  IMD+F|*++:::{~description/2x35}
"""
"""PIA is identification (5) where LIN has no GTIN, additional (1) where it has one."""

PRICES = """\
  PRI+AAA|NTP|INV|CAL|AAE|INF:{#price}:::{?#price_base}:{?price_unit}
  PRI+AAB|AAF:{#gross_price}:::{?#gross_base}
"""

LINE_TAX = """\
  TAX+7+VAT+++:::{#tax_rate}+{tax_category}
    MOA+124:{#tax_amount}
"""


def indented(text: str) -> str:
    """Put every line of ``text`` one group deeper."""
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


_LINE = f"""\
lines: LIN+{{line!}}+{{action}}+{{%}}
{PRODUCT}\
  QTY+21:{{#quantity!}}:{{?^unit}}
  DTM+2|64|63|69:{{@delivery_date}}
  MOA+203:{{#amount}}
{PRICES}\
{LINE_TAX}\
{indented(CHARGES)}\
UNS+S
CNT+2:{{=LIN}}
"""

ORDERS = f"""\
BGM+{{type=220}}+{{number!}}+{{function=9}}
{_DATES}{_NOTES}\
RFF+CT:{{contract_number}}
{BUYER}{SUPPLIER}{DELIVERY}{INVOICEE}\
CUX+2:{{currency!}}:9
{CHARGES}{_LINE}\
"""

ORDCHG = f"""\
BGM+{{type=230}}+{{number!}}+{{function=5}}
{_DATES}{_NOTES}\
RFF+ON|CO|OP:{{order_number!}}
RFF+CT:{{contract_number}}
{BUYER}{SUPPLIER}{DELIVERY}{INVOICEE}\
CUX+2:{{currency!}}:9
{CHARGES}{_LINE}\
"""

ORDRSP = f"""\
BGM+{{type=231}}+{{number!}}+{{function=9}}+{{response}}
DTM+137:{{@date!}}
DTM+69|2|17|64|63:{{@delivery_date}}
FTX+AAI|PUR|GEN|ZZZ|*+++{{~note/5x70}}
RFF+ON|CO|OP:{{order_number!}}
RFF+VN:{{supplier_order_number}}
{BUYER}{SUPPLIER}{DELIVERY}\
CUX+2:{{currency!}}:9
lines: LIN+{{line!}}+{{action}}+{{%}}
  PIA+5|1+{{%%}}
  PIA+3+{{substitute_item}}:SA
  IMD+F|*++:::{{~description/2x35}}
  QTY+21:{{#quantity}}:{{?^unit}}
  QTY+113|12|194:{{#confirmed}}:{{?^unit}}
  QTY+83:{{#back_ordered}}:{{?^unit}}
  DTM+69|67|2|17|64|63:{{@delivery_date}}
  MOA+203:{{#amount}}
  FTX+AAO|LIN|AAI|*++{{reason_code}}::92+{{~reason/5x70}}
{PRICES}\
  RFF+ON|CO:{{order_number}}:{{<order_line}}
  RFF+LI:{{order_line}}
UNS+S
CNT+2:{{=LIN}}
"""
