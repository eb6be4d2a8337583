"""The acceptance kit for connectors: what each must stand, run by its own test.

A test is three lines: ``from crossdock.testing import ConnectorSuite``, a class that inherits it,
and ``stand = ...``, which says how the connector is opened on a sandbox of its system.
"""

from crossdock.testing.cases import Case, Fault, Lacking, Result, cases, run
from crossdock.testing.finding import stand_of, suite_of
from crossdock.testing.stand import Clock, Stand
from crossdock.testing.suite import ConnectorSuite

__all__ = [
    "Case",
    "Clock",
    "ConnectorSuite",
    "Fault",
    "Lacking",
    "Result",
    "Stand",
    "cases",
    "run",
    "stand_of",
    "suite_of",
]
