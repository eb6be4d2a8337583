"""Every connector that Crossdock brings along, on its own stand."""

import pytest

from connectors.edifact import Edifact
from connectors.files import Files
from connectors.rest import Rest
from connectors.soap import Soap
from connectors.sql import Sql
from crossdock.testing import ConnectorSuite
from crossdock.testing.stands.edifact import EdifactStand
from crossdock.testing.stands.files import FilesStand
from crossdock.testing.stands.rest import HostileStand
from crossdock.testing.stands.soap import SoapStand
from crossdock.testing.stands.sql import SqlStand


class TestRest(ConnectorSuite):
    connector = Rest
    stand = HostileStand


class TestFiles(ConnectorSuite):
    connector = Files
    stand = FilesStand


class TestSql(ConnectorSuite):
    connector = Sql
    stand = SqlStand


@pytest.mark.slow  # a WSDL takes its time; tests/connectors has the faults one by one
class TestSoap(ConnectorSuite):
    connector = Soap
    stand = SoapStand


class TestEdifact(ConnectorSuite):
    connector = Edifact
    stand = EdifactStand
