"""Codes of X12 and what the documents have for them, which are those of EDIFACT.

The first code of each meaning is the one that is written. Source: ASC X12 data elements 353, 92,
587, 668, 670, 640, 673, 236 and 355, version 004010.
"""

from __future__ import annotations

from collections.abc import Mapping

READ: Mapping[str, Mapping[str, str]] = {
    "function": {"00": "9", "01": "1", "04": "4", "05": "5", "06": "31", "07": "7"},
    "order": {"SA": "220", "NE": "220", "DS": "220", "RO": "224", "BK": "221", "RL": "226",
              "CN": "227", "SP": "228", "PR": "229"},
    "answer": {"AD": "AP", "AT": "AP", "AP": "AP", "AE": "AP", "AC": "AC", "RD": "RE", "RJ": "RE",
               "AK": "AB", "AH": "AB"},
    "line": {"IA": "5", "AC": "5", "AR": "5", "IC": "3", "IQ": "3", "IP": "3", "DR": "3",
             "BP": "3", "IB": "9", "ID": "2", "IR": "7", "R2": "7", "IS": "6"},
    "change": {"AI": "1", "DI": "2", "CA": "3", "QI": "3", "QD": "3", "PC": "3", "CT": "3",
               "MU": "3", "RZ": "3"},
    "invoice": {"DI": "380", "DR": "380", "CN": "381", "CR": "381", "CA": "384"},
    "stock": {"17": "145", "33": "60", "QA": "60", "QH": "170", "63": "198"},
    "price": {"CAT": "CAT", "MSR": "SRP", "RES": "SRP", "PRO": "PRP", "CON": "CON"},
    "unit": {"EA": "PCE", "PC": "PCE", "UN": "PCE", "CA": "CS", "CT": "CT", "BX": "BX",
             "DZ": "DZN", "PK": "PK", "PR": "PR", "ST": "SET", "KG": "KGM", "GR": "GRM",
             "LB": "LBR", "OZ": "ONZ", "LT": "LTR", "ML": "MLT", "GA": "GLL", "MR": "MTR",
             "CM": "CMT", "FT": "FOT", "IN": "INH", "SF": "FTK", "HR": "HUR", "DA": "DAY"},
}  # fmt: skip
"""Tables by name: code of X12 to that of the documents."""

WRITE: Mapping[str, Mapping[str, str]] = {
    name: {ours: theirs for theirs, ours in reversed([*table.items()])}
    for name, table in READ.items()
}
"""The same tables the other way round."""

GTINS = {8: "EN", 12: "UP", 13: "EN", 14: "UK"}
"""Qualifier (235) that is written for a GTIN of so many digits."""

ARTICLES = {
    **dict.fromkeys(("UP", "EN", "UK", "UI", "UA", "UD", "EO"), "gtin"),
    **dict.fromkeys(("VN", "VA", "VC", "VP", "MG"), "item"),
    **dict.fromkeys(("IN", "BP", "SK", "PI", "CB"), "buyer_item"),
}
"""Field of a document for each qualifier (235) that names one."""

GLN = "UL"
"""Qualifier (66) of a GLN; 92 is a number that the buyer gave."""
