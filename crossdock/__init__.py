"""Crossdock: an integration hub for commerce whose books balance.

What connector authors import stands here; everything else is found in its own module.
"""

from crossdock.connector import (
    Budget,
    Check,
    Connector,
    Found,
    Outcome,
    Page,
    Parcel,
    Reads,
    Verified,
    Writes,
    secret,
    setting,
)
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater, Unreadable

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Check",
    "Connector",
    "CrossdockError",
    "Found",
    "Misconfigured",
    "Outcome",
    "Page",
    "Parcel",
    "Reads",
    "Refused",
    "TryLater",
    "Unreadable",
    "Verified",
    "Writes",
    "secret",
    "setting",
]
