"""One module a system; each imports from crossdock only."""
