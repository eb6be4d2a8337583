"""Stands of the connectors that Crossdock brings along, one module each, named after them."""
