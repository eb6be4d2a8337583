"""Goods on their way and what came of them: DESADV and RECADV, with pallets, cartons and SSCC."""

from crossdock.edi.shapes.order import BUYER, DELIVERY, PRODUCT, SUPPLIER, indented

_UNIT = """\
  units: PAC+{#quantity}++{package_type}
"""

_MARKED = """\
    PCI+33E|30|24|*
      GIN+BJ|AW+{*ssccs}
"""

_LINE = f"""\
  lines: LIN+{{line!}}++{{%}}
{indented(PRODUCT)}\
"""

DESADV = f"""\
BGM+{{type=351}}+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+11|10:{{@despatch_date}}
DTM+17|191|2|64|63|69|35:{{@delivery_date}}
MEA+AAX+AAD+{{?weight_unit}}:{{#gross_weight}}
MEA+AAX+AAC+{{?weight_unit}}:{{#net_weight}}
RFF+ON|CO:{{order_number}}
RFF+CN|AAS|BM|CMR:{{tracking}}
{BUYER}{SUPPLIER}{DELIVERY}\
NAD+SF+{{&origin}}++{{~origin_name/2x35}}+{{~origin_street/3x35}}+{{origin_city}}++\
{{origin_postal_code}}+{{origin_country}}
TDT+20++{{?transport_mode}}++{{carrier}}:::{{carrier_name}}
packages: CPS+{{level!}}+{{parent}}
{_UNIT}\
    MEA+PD+AAB|AAD|G+{{?weight_unit}}:{{#gross_weight}}
    MEA+PD+LN+{{?dimension_unit}}:{{#length}}
    MEA+PD+WD+{{?dimension_unit}}:{{#width}}
    MEA+PD+HT+{{?dimension_unit}}:{{#height}}
{_MARKED}\
{_LINE}\
    QTY+12|46:{{#quantity}}:{{?^unit}}
    QTY+21:{{#ordered}}:{{?^unit}}
    QTY+83:{{#back_ordered}}:{{?^unit}}
    GIN+BX+{{lot}}
    GIN+BN+{{serial}}
    DTM+361|36:{{@best_before/1x10}}
    RFF+ON|CO:{{order_number}}:{{<order_line}}
    RFF+LI:{{order_line}}
    <PCI+*
      DTM+361|36:{{@best_before/1x10}}
      GIN+BX+{{lot}}
CNT+2:{{=LIN}}
"""

RECADV = f"""\
BGM+{{type=632}}+{{number!}}+{{function=9}}
DTM+137:{{@date!}}
DTM+50|35|310:{{@received_date}}
RFF+ON|CO:{{order_number}}
RFF+DQ|AAK|AAU:{{despatch_number}}
{BUYER}{SUPPLIER}{DELIVERY}\
packages: CPS+{{level!}}+{{parent}}
{_UNIT}{_MARKED}{_LINE}\
    QTY+194|48:{{#accepted}}:{{?^unit}}
    QTY+195|196|185:{{#rejected}}:{{?^unit}}
    QTY+12:{{#shipped}}:{{?^unit}}
    QVR+{{#damaged}}:124+{{?discrepancy}}+{{?reason_code}}::92:{{?reason}}
    QVR+{{#missing}}:119+{{?discrepancy}}+{{?reason_code}}::92:{{?reason}}
    QVR+{{#surplus}}:121+{{?discrepancy}}
    DTM+361|36:{{@best_before/1x10}}
    GIN+BX+{{lot}}
    RFF+ON|CO:{{order_number}}:{{<order_line}}
    RFF+LI:{{order_line}}
    RFF+DQ|AAK:{{<despatch_number}}:{{despatch_line}}
CNT+2:{{=LIN}}
"""
