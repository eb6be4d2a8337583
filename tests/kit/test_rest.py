"""The connector ``rest`` on the hostile system: every feed and every delivery class."""

from connectors.rest import Rest
from crossdock.testing import ConnectorSuite
from crossdock.testing.hostile_stand import HostileStand


class RestStand(HostileStand):
    connector = Rest


class TestRest(ConnectorSuite):
    stand = RestStand
