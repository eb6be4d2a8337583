"""Does a document fit the others of its order? Asked before anything leaves for a partner.

The checks are declared in ``edi/family.yaml``; each is a function here. Whatever cannot be looked
up is at fault: a document whose order is not known does not leave.
"""

from crossdock.edi.family.judging import judge, judge_for

__all__ = ["judge", "judge_for"]
