"""What is left and what was sold: INVRPT and SLSRPT."""

from crossdock.edi.shapes.order import PRODUCT, SUPPLIER, indented

INVRPT = f"""\
BGM+{{type=35}}+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+366|182:{{@counted_at}}
NAD+BY+{{&buyer}}
{SUPPLIER}\
NAD+WH|GY|GM|GG+{{&warehouse}}
CUX+2:{{currency}}:10
lines: LIN+{{line!}}++{{%}}
{PRODUCT}\
  LOC+14|18|*+{{&location}}
    <DTM+366|182:{{@counted_at}}
  DTM+366|182:{{@counted_at}}
  D.96A|stocks: QTY+{{kind!}}:{{#quantity!}}:{{?^unit}}
  D.96A|  LOC+14|18|*+{{&location}}
  D.96A|    <DTM+366|182:{{@counted_at}}
  D.96A|  DTM+366|182:{{@counted_at}}
  D.01B|stocks: INV++++1
  D.01B|  QTY+{{kind!}}:{{#quantity!}}:{{?^unit}}
  D.01B|  LOC+14|18|*+{{&location}}
  D.01B|    <DTM+366|182:{{@counted_at}}
  D.01B|  DTM+366|182:{{@counted_at}}
"""

SLSRPT = f"""\
BGM+{{type=73E}}::9+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+90:{{@period_from/1x10}}
DTM+91:{{@period_until/1x10}}
NAD+BY|SE|FR|GY+{{&reporter}}++{{~reporter_name/2x35}}
{SUPPLIER}\
CUX+2:{{currency!}}:10
places: LOC+162|*+{{&location}}
  DTM+356|90:{{@sold_at/1x10}}
  lines: LIN+{{line!}}++{{%}}
{indented(PRODUCT)}\
    MOA+203:{{#amount}}
    PRI+AAA|NTP|AAD|AAE|AAF|AAB|INF|CAL:{{#price}}:::{{?#price_base}}
    QTY+153|55|25:{{#quantity!}}:{{?^unit}}
    QTY+145|17|152:{{#on_hand}}:{{?^unit}}
D.01B|UNS+S
"""
