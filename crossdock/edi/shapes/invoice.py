"""Claims for money and their payment: INVOIC (invoice 380, credit note 381) and REMADV."""

from crossdock.edi.shapes.order import (
    BUYER,
    CHARGES,
    DELIVERY,
    INVOICEE,
    LINE_TAX,
    PRICES,
    PRODUCT,
    SUPPLIER,
    indented,
)

INVOIC = f"""\
BGM+{{type=380}}+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+35|11|2:{{@delivery_date}}
<DTM+13:{{@due_date/1x10}}
FTX+AAB+++{{~payment_terms/5x70}}
FTX+AAI|GEN|ZZZ|*+++{{~note/5x70}}
RFF+ON|CO|OP:{{order_number}}
RFF+DQ|AAK|AAU:{{despatch_number}}
RFF+ALO:{{receiving_number}}
RFF+IV|OI:{{original_number}}
{BUYER}{SUPPLIER}{DELIVERY}{INVOICEE}\
CUX+2:{{currency!}}:4
PAT+1|3|*
  DTM+13:{{@due_date/1x10}}
{CHARGES}\
lines: LIN+{{line!}}+{{action}}+{{%}}
{PRODUCT}\
  QTY+47|46|12:{{#quantity!}}:{{?^unit}}
  MOA+203:{{#amount}}
{PRICES}\
  RFF+ON|CO:{{order_number}}:{{<order_line}}
  RFF+LI:{{order_line}}
{LINE_TAX}\
{indented(CHARGES)}\
UNS+S
CNT+2:{{=LIN}}
MOA+79:{{#line_total}}
MOA+77|39|86|9|128:{{#total}}
MOA+125:{{#taxable_total}}
MOA+124|176|150:{{#tax_total}}
MOA+260:{{#allowance_total}}
MOA+259:{{#charge_total}}
taxes: TAX+7+VAT+++:::{{#rate}}+{{category}}
  MOA+125:{{#taxable}}
  MOA+124:{{#tax}}
"""

REMADV = """\
BGM+{type=481}+{number!}+{function=9}
DTM+137:{@date!}
DTM+138|203|209|140:{@payment_date}
RFF+PQ|AEK|RA:{payment_reference}
PAI+::{method}
FTX+AAI|PMD|ZZZ|*+++{~note/5x70}
NAD+PR|BY|PL+{&payer}++{~payer_name/2x35}
NAD+PE|SU+{&payee}++{~payee_name/2x35}
CUX+2:{currency!}:11
documents: DOC+{type=380}+{number!}
  MOA+12|11:{#amount}
  MOA+9|77|39|86:{#due}
  MOA+52:{#discount}
  DTM+137|3:{@date/1x10}
UNS+S
MOA+12|139|128|9|86:{#total}
"""
