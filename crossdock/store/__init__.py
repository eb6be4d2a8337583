"""The hub's own books: ledger, versions, holds, outbox, cursors, leases, typed current state."""

from crossdock.store.engine import Store, open_store

__all__ = ["Store", "open_store"]
