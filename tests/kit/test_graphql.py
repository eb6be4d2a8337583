"""The connector ``graphql`` on an API with a real schema."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from connectors.graphql import Graphql
from crossdock.testing import ConnectorSuite
from crossdock.testing.stands.graphql import GraphqlStand
from crossdock.testing.suite import stand_for


class TestGraphql(ConnectorSuite):
    connector = Graphql
    stand = GraphqlStand


def test_every_operation_is_validated_against_the_schema(tmp_path: Path) -> None:
    with stand_for(GraphqlStand, Graphql)(tmp_path) as stand:
        made = stand.open()
        said = {line.what: line for line in made.check()}
        for name in ("orders", "new_orders", "new_orders, lookup", "stock"):
            assert said[f"operation {name}"].ok
        stream = made.reads()["orders"]
        text = str(stream.options["query"]).replace("updatedAt", "updatedat")
        wrong = dataclasses.replace(stream, options={**stream.options, "query": text})
        vars(made)["_declared"] = {"orders": wrong}
        first = next(iter(made.check()))
        assert not first.ok
        assert "line 3: Cannot query field 'updatedat' on type 'Order'" in first.detail
