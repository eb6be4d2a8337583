"""Bundled systems on loopback: a REST shop, a SOAP ERP, an SFTP partner, a PostgreSQL.

They enforce what vendors enforce, break when a fault plan says so, and keep journals of their
own that tests believe. ``python -m crossdock.sandbox --folder F`` runs the first three.
"""
