"""The suite that each connector's test inherits: one method a case."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from crossdock.testing.cases import Case, Lacking, cases, run_case
from crossdock.testing.stand import Stand


class ConnectorSuite:
    """Inherit it, say which stand, and every case of the kit is a test.

    ``class TestAcme(ConnectorSuite): stand = AcmeStand``. A case that the connector, or its
    system, has nothing for is skipped with the reason. pytest and unittest both run it.
    """

    stand: ClassVar[Callable[[Path], Stand]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for one in cases().values():
            setattr(cls, f"test_{one.name}", _method(one))


def _method(one: Case) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        kind = vars(type(self)).get("stand") or type(self).stand
        try:
            run_case(kind, one)
        except Lacking as error:
            raise unittest.SkipTest(str(error)) from None

    test.__name__ = f"test_{one.name}"
    test.__doc__ = one.wants
    return test
