"""Ask a health address on this machine; ends with 0 when it answers 200."""

import http.client
import sys
from urllib.parse import urlsplit

parts = urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=5)
connection.request("GET", parts.path)
sys.exit(connection.getresponse().status != 200)
