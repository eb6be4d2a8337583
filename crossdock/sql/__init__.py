"""The door to SQL databases as sources and targets (the hub's own books are in crossdock.store).

``database`` opens them and names their errors, ``tables`` finds or makes the tables of a stream,
``load`` writes Arrow tables, ``extract`` reads pages.
"""
