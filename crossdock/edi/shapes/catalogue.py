"""Products with their prices: PRICAT."""

from crossdock.edi.shapes.order import BUYER, PRODUCT, SUPPLIER

PRICAT = f"""\
BGM+{{type=9}}+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+157|194|7:{{@valid_from}}
DTM+206|36:{{@valid_until}}
RFF+PL|PI|CT:{{price_list}}
{BUYER}{SUPPLIER}\
TAX+7+VAT+++:::{{#tax_rate}}+{{tax_category}}
CUX+2:{{currency!}}:8
PGI+2
lines: LIN+{{line!}}+{{action=1}}+{{%}}
{PRODUCT}\
  MEA+PD+AAB|AAD|G+{{?weight_unit}}:{{#gross_weight}}
  MEA+PD+AAA|AAL|AAC+{{?weight_unit}}:{{#net_weight}}
  MEA+PD+LN+{{?dimension_unit}}:{{#length}}
  MEA+PD+WD+{{?dimension_unit}}:{{#width}}
  MEA+PD+HT+{{?dimension_unit}}:{{#height}}
  QTY+53:{{#minimum_quantity}}:{{?^quantity_unit}}
  DTM+157|194|7:{{@valid_from}}
  DTM+206|36:{{@valid_until}}
  TAX+7+VAT+++:::{{#tax_rate}}+{{tax_category}}
  CUX+2:{{currency}}:8
  prices: PRI+{{code=AAA}}:{{#amount!}}:{{class}}:{{price_type}}:{{?#base}}:{{?unit}}
    DTM+157|194|7:{{@valid_from}}
    DTM+206|36:{{@valid_until}}
"""
