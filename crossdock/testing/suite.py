"""The suite that each connector's test inherits: one method a case."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any, ClassVar

from crossdock.connector import Connector
from crossdock.testing.cases import Case, Lacking, cases, run_case
from crossdock.testing.stand import Stand


class ConnectorSuite:
    """Inherit it, say which connector on which stand, and every case of the kit is a test.

    ``class TestAcme(ConnectorSuite): connector = Acme; stand = AcmeStand``. A case that the
    connector, or its system, has nothing for is skipped with the reason. pytest and unittest both
    run it.
    """

    connector: ClassVar[type[Connector] | None] = None
    stand: ClassVar[type[Stand]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for one in cases().values():
            setattr(cls, f"test_{one.name}", _method(one))


def stand_for(stand: type[Stand], connector: type[Connector] | None = None) -> type[Stand]:
    """Give the stand with its connector set; a stand may have one of its own."""
    if connector is None:
        return stand
    return type(stand.__name__, (stand,), {"connector": connector})


def _method(one: Case) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        try:
            run_case(stand_for(self.stand, self.connector), one)
        except Lacking as error:
            raise unittest.SkipTest(str(error)) from None

    test.__name__ = f"test_{one.name}"
    test.__doc__ = one.wants
    return test
