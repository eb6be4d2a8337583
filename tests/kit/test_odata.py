"""The connector ``odata`` on a strict service, version 4 and version 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.odata import Odata
from crossdock.connector import Parcel
from crossdock.testing import ConnectorSuite
from crossdock.testing.stands.odata import OdataStand
from crossdock.testing.suite import stand_for


class Two(OdataStand):
    version = 2


class TestVersion4(ConnectorSuite):
    connector = Odata
    stand = OdataStand


@pytest.mark.slow
class TestVersion2(ConnectorSuite):
    connector = Odata
    stand = Two


@pytest.mark.parametrize("kind", [OdataStand, Two], ids=["4", "2"])
@pytest.mark.parametrize("stream", ["new_orders", "many_orders"])
def test_a_change_goes_with_the_version_that_was_read(
    tmp_path: Path, kind: Any, stream: str
) -> None:
    with stand_for(kind, Odata)(tmp_path) as stand:
        odata: Any = stand.open()
        target = odata.writes()[stream]
        ident = stand.service.put("A")  # type: ignore[attr-defined]
        change = Parcel("A", "k2", "update", {"Quantity": 7}, their_id=ident)
        [outcome] = odata.write(target, [change])
        assert (outcome.verdict, outcome.their_id) == ("delivered", ident)
        assert stand.service.orders[ident]["Quantity"] == 7  # type: ignore[attr-defined]
        blind = {**target.options, "etag": False}
        import dataclasses

        [refused] = odata.write(dataclasses.replace(target, options=blind), [change])
        assert refused.verdict == "refused"
        assert "If-Match" in refused.message
