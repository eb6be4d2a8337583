"""Webhooks: systems call us when something happens, and the next pull lands what they said.

``endpoint`` reads what a system's file says, ``signatures`` tells true calls from others,
``inbox`` keeps them, ``feed`` hands them to a pull, ``app`` and ``serve`` are the receiver.
"""
