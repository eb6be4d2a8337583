"""ASC X12: interchanges of functional groups and transaction sets, on the same reader and guides.

An interchange is ISA to IEA, a group GS to GE, a message ST to SE. Source: ASC X12.5 and X12.6.
"""
