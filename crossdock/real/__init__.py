"""Real servers from the package registries, run on loopback as throwaway counterparts.

Vendure (npm) and Tryton (PyPI) are under the GPL: they are installed into a cache folder when
somebody asks for them, run as programs of their own, and never imported or handed on.
"""
