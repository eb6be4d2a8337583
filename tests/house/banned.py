"""What product code never does, as rules over the syntax tree; ``test_banned.py`` runs them.

A rule names the places that may do it all the same, and why. Names are resolved through imports,
so that ``from os import system as run`` is found as well.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Finds = Callable[[ast.AST, "Names"], bool]

MONEY = (
    "crossdock/amounts.py", "crossdock/canonical.py", "crossdock/convert/",
    "crossdock/documents.py", "crossdock/edi/", "crossdock/landing.py",
    "crossdock/ledger.py", "crossdock/mapping/",
    "crossdock/model/", "crossdock/nested.py", "crossdock/receipts.py", "crossdock/resolve/",
    "crossdock/rules/", "crossdock/store/",
)  # fmt: skip
"""Where money passes: no float is made there, whatever it is called."""

_MONEY_WORDS = ("amount", "price", "money", "total", "quantity", "tax", "rate_of", "cost_of")


class Names:
    """What each name of a module stands for, by its imports."""

    def __init__(self, tree: ast.AST) -> None:
        self.known: dict[str, str] = {}
        self.own: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for name in node.names:
                    local = name.asname or name.name.partition(".")[0]
                    self.known[local] = name.name if name.asname else local
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for name in node.names:
                    self.known[name.asname or name.name] = f"{node.module}.{name.name}"
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.own.add(node.name)

    def of(self, node: ast.AST) -> str:
        """Give the dotted name of an expression; a builtin is ``builtins.name``."""
        if isinstance(node, ast.Attribute):
            above = self.of(node.value)
            return f"{above}.{node.attr}" if above else f".{node.attr}"
        if not isinstance(node, ast.Name):
            return ""
        if node.id in self.known:
            return self.known[node.id]
        return node.id if node.id in self.own else f"builtins.{node.id}"


@dataclass(frozen=True)
class Rule:
    """One thing that is banned; ``bad`` are snippets that it must find, ``good`` that it lets be.

    Texts with none of ``words`` are not taken apart: two hundred modules are read in a second.
    ``allowed`` are files or folders that may, with the reason.
    """

    name: str
    words: str
    why: str
    finds: Finds
    bad: tuple[str, ...]
    good: tuple[str, ...] = ()
    allowed: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    def in_text(self, text: str, path: str) -> list[int]:
        """Give the lines of a module that break the rule."""
        if any(path.startswith(place) for place in self.allowed):
            return []
        if self.only and not any(path.startswith(place) for place in self.only):
            return []
        return list(self.lines(text))

    def lines(self, text: str) -> Iterator[int]:
        """Find the rule in a text, wherever it stands."""
        if not any(word in text for word in self.words.split()):
            return
        nodes, names = _taken_apart(text)
        for node in nodes:
            if self.finds(node, names):
                yield getattr(node, "lineno", 0)


@functools.cache
def _taken_apart(text: str) -> tuple[list[ast.AST], Names]:
    tree = ast.parse(text)
    kinds = (ast.Call, ast.keyword, ast.Assign, ast.Import, ast.ImportFrom, ast.Attribute,
             ast.Name, ast.Compare)  # fmt: skip
    return [node for node in ast.walk(tree) if isinstance(node, kinds)], Names(tree)


def calls(*wanted: str) -> Finds:
    """Find calls, by dotted name; a name that begins with a dot is a method of anything."""
    methods = tuple(name for name in wanted if name.startswith("."))

    def finds(node: ast.AST, names: Names) -> bool:
        if not isinstance(node, ast.Call):
            return False
        name = names.of(node.func)
        return name in wanted or (bool(methods) and name.endswith(methods))

    return finds


def mentions(*wanted: str) -> Finds:
    """Find a dotted name, called or handed on, and imports of it or of what is inside."""

    def finds(node: ast.AST, names: Names) -> bool:
        if isinstance(node, ast.Import):
            return any(_under(name.name, wanted) for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            return any(_under(f"{node.module}.{name.name}", wanted) for name in node.names)
        if isinstance(node, (ast.Attribute, ast.Name)):
            return _under(names.of(node), wanted)
        return False

    return finds


def _under(name: str, wanted: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in wanted)


def keyword(name: str, value: object) -> Finds:
    """Find a keyword of any call, or an attribute that is set, with a constant value."""

    def finds(node: ast.AST, names: Names) -> bool:
        if isinstance(node, ast.keyword):
            return node.arg == name and _is(node.value, value)
        if isinstance(node, ast.Assign):
            return _is(node.value, value) and any(
                isinstance(target, ast.Attribute) and target.attr == name
                for target in node.targets
            )
        return False

    return finds


def _is(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def any_of(*some: Finds) -> Finds:
    """Find what any of ``some`` finds."""
    return lambda node, names: any(finds(node, names) for finds in some)


def made_of_text(*wanted: str) -> Finds:
    """Find calls whose first argument is put together: f-string, ``+``, ``%`` or ``format``."""

    def finds(node: ast.AST, names: Names) -> bool:
        if not isinstance(node, ast.Call) or names.of(node.func) not in wanted or not node.args:
            return False
        first = node.args[0]
        if isinstance(first, ast.Call):
            return isinstance(first.func, ast.Attribute) and first.func.attr == "format"
        return isinstance(first, (ast.JoinedStr, ast.BinOp))

    return finds


def without(name: str, *wanted: str) -> Finds:
    """Find calls that leave a keyword out, or give it another value than True."""

    def finds(node: ast.AST, names: Names) -> bool:
        if not isinstance(node, ast.Call) or names.of(node.func) not in wanted:
            return False
        given = {item.arg: item.value for item in node.keywords}
        return name not in given or not _is(given[name], True)

    return finds


def no_arguments(*wanted: str) -> Finds:
    """Find calls with too few arguments to say a zone."""

    def finds(node: ast.AST, names: Names) -> bool:
        if not isinstance(node, ast.Call) or names.of(node.func) not in wanted:
            return False
        least = 1 if names.of(node.func).endswith("fromtimestamp") else 0
        return len(node.args) + len(node.keywords) <= least

    return finds


def moneyed_float(node: ast.AST, names: Names) -> bool:
    """Find ``float(...)`` of anything that is called like money."""
    if not isinstance(node, ast.Call) or names.of(node.func) != "builtins.float":
        return False
    words = ast.unparse(node).lower()
    return any(word in words for word in _MONEY_WORDS)


def compared_digest(node: ast.AST, names: Names) -> bool:
    """Find ``==`` beside a digest: the time it takes tells how much was right."""
    if not isinstance(node, ast.Compare):
        return False
    if not any(isinstance(operator, (ast.Eq, ast.NotEq)) for operator in node.ops):
        return False
    for side in (node.left, *node.comparators):
        if isinstance(side, ast.Call):
            inner = side.func.value if isinstance(side.func, ast.Attribute) else side.func
            name = names.of(inner.func if isinstance(inner, ast.Call) else inner)
            if name.startswith("hmac") or names.of(side.func).startswith("hmac"):
                return True
    return False


def user_pattern(node: ast.AST, names: Names) -> bool:
    """Find a regular expression for Python's engine that is no constant of the module."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name = names.of(node.func)
    if name.partition(".")[0] != "re" or name.count(".") != 1 or name == "re.escape":
        return False
    return not _own_pattern(node.args[0], names)


def _own_pattern(node: ast.AST, names: Names) -> bool:
    """Say whether a pattern is made of the module's constants and of escaped text alone."""
    if isinstance(node, ast.BinOp):
        return _own_pattern(node.left, names) and _own_pattern(node.right, names)
    if isinstance(node, ast.JoinedStr):
        return all(_own_pattern(part, names) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return isinstance(node.value, ast.Name) and node.value.id.isupper()
    if isinstance(node, ast.Call):
        return names.of(node.func) == "re.escape"
    return isinstance(node, ast.Constant)


RULES = (
    Rule(
        "code out of text", "eval exec compile __import__",
        "configuration and data are never run",
        calls("builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__"),
        ("eval(text)", "exec(text)", "compile(text, 'f', 'eval')", "__import__(name)"),
        ("import re\nre.compile('a')", "def compile(x): ...\ncompile(1)", "frame.eval"),
    ),
    Rule(
        "what runs when it is read", "pickle marshal shelve dill",
        "a pickle is a program",
        any_of(
            mentions("pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"),
            mentions("pandas.read_pickle"), keyword("allow_pickle", True), calls(".to_pickle"),
        ),
        ("import pickle", "from pickle import loads", "import pandas as pd\npd.read_pickle(f)",
         "frame.to_pickle(f)", "load(f, allow_pickle=True)", "import marshal"),
        ("import json", "load(f, allow_pickle=False)"),
    ),
    Rule(
        "TLS that nobody checks", "verify check_hostname ssl",
        "anyone on the way could read and change it",
        any_of(
            keyword("verify", False), keyword("check_hostname", False),
            mentions("ssl._create_unverified_context", "ssl.CERT_NONE"),
        ),
        ("get(u, verify=False)", "session.verify = False", "context.check_hostname = False",
         "import ssl\nssl._create_unverified_context()",
         "import ssl\ncontext.verify_mode = ssl.CERT_NONE"),
        ("get(u, verify=True)", "session.verify = str(ca)"),
    ),
    Rule(
        "floats on the way of money", "float",
        "a binary float has no cents",
        calls("builtins.float"), ("float(text)",), ("Decimal(text)",),
        {"crossdock/store/shared.py": "seconds of a budget"}, MONEY,
    ),
    Rule(
        "money as float", "float",
        "a binary float has no cents", moneyed_float,
        ("float(row['price'])", "float(amount)", "float(order.total_amount)"),
        ("float(seconds)", "Decimal(amount)"),
    ),
    Rule(
        "time without a zone", "now fromtimestamp utc today",
        "an instant is UTC, from a declared zone",
        any_of(
            no_arguments("datetime.datetime.now", "datetime.datetime.fromtimestamp"),
            calls("datetime.datetime.utcnow", "datetime.datetime.utcfromtimestamp",
                  "datetime.datetime.today", "datetime.date.today"),
        ),
        ("from datetime import datetime\ndatetime.now()", "import datetime as d\nd.date.today()",
         "from datetime import datetime\ndatetime.utcnow()",
         "from datetime import datetime\ndatetime.fromtimestamp(5)"),
        ("from datetime import datetime, UTC\ndatetime.now(UTC)",
         "from datetime import datetime, UTC\ndatetime.fromtimestamp(5, UTC)"),
    ),
    Rule(
        "requests outside the door",
        "requests urllib http httpx aiohttp ftplib telnetlib smtplib zeep",
        "crossdock/http.py checks address, time and size",
        mentions("requests", "urllib3", "urllib.request", "httpx", "aiohttp", "http.client",
                 "ftplib", "telnetlib", "smtplib", "zeep.Client", "zeep.transports"),
        ("import requests", "from requests import get", "import urllib.request",
         "import http.client", "import httpx", "from zeep import Client", "import smtplib"),
        ("from urllib.parse import urlsplit", "import zeep"),
        {
            "crossdock/http.py": "the door", "crossdock/connection.py": "the door's connections",
            "crossdock/soap/": "the SOAP door, on the HTTP door's session",
            "crossdock/scheduler.py": "asks Airflow on loopback",
            "crossdock/real/process.py": "fills throwaway servers on loopback",
            "crossdock/sandbox/": "is the other side",
        },
    ),
    Rule(
        "sockets outside the doors", "socket open_connection",
        "egress.py decides where the hub connects to",
        any_of(
            mentions("socket.create_connection", "asyncio.open_connection"),
            calls("socket.socket"),
        ),
        ("import socket\nsocket.create_connection(a)", "from socket import socket\nsocket()",
         "import asyncio\nasyncio.open_connection(h, 1)"),
        ("import socket\nx: socket.socket",),
        {
            "crossdock/connection.py": "the HTTP door's connections",
            "crossdock/sftp.py": "the SFTP door", "crossdock/scheduler.py": "finds a free port",
            "crossdock/sandbox/": "is the other side",
            "crossdock/webhooks/bench.py": "calls the receiver that it measures",
        },
    ),
    Rule(
        "redirects and proxies from outside", "allow_redirects trust_env",
        "a secret would travel to whoever is named",
        any_of(keyword("allow_redirects", True), keyword("trust_env", True)),
        ("get(u, allow_redirects=True)", "session.trust_env = True"),
        ("get(u, allow_redirects=False)", "session.trust_env = False"),
    ),
    Rule(
        "YAML that makes objects", "yaml",
        "crossdock/yaml.py reads plain data",
        any_of(
            calls("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all"),
            mentions("yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader"),
        ),
        ("import yaml\nyaml.load(t)", "from yaml import unsafe_load\nunsafe_load(t)",
         "import yaml\ncompose(t, yaml.Loader)"),
        ("import yaml\nyaml.safe_load(t)", "from crossdock import yaml\nyaml.load(p)"),
    ),
    Rule(
        "a shell", "shell os. subprocess popen",
        "a name with a semicolon would be a command",
        any_of(
            keyword("shell", True),
            calls("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
                  "asyncio.create_subprocess_shell"),
        ),
        ("run(c, shell=True)", "import os\nos.system(c)", "from os import popen as p\np(c)"),
        ("run(['ls'])",),
    ),
    Rule(
        "names of temporary files before the files", "mktemp tempnam tmpnam",
        "another may make it in between",
        calls("tempfile.mktemp", "os.tempnam", "os.tmpnam"),
        ("import tempfile\ntempfile.mktemp()", "from tempfile import mktemp\nmktemp()"),
        ("import tempfile\ntempfile.mkdtemp()",),
    ),
    Rule(
        "chance that can be foretold", "random",
        "keys and ids come from secrets",
        mentions("random"), ("import random", "from random import choice"),
        ("import secrets", "world.random.random()"),
        {
            "crossdock/connector.py": "the world's jitter, which rigs own",
            "crossdock/sample_": "sample data", "crossdock/bench_input.py": "the order of lines",
            "crossdock/testing/": "waits of the connectors' test stand",
        },
    ),
    Rule(
        "print", "print",
        "the engine logs; commands write through screen.py",
        calls("builtins.print"), ("print(row)",), ("console.print(row)", "log.info('x')"),
    ),
    Rule(
        "XML by another parser", "xml",
        "crossdock/xml.py refuses DTDs, entities and the network",
        any_of(
            mentions("xml.etree", "xml.dom", "xml.sax", "xml.parsers", "xmlrpc"),
            calls("lxml.etree.fromstring", "lxml.etree.parse", "lxml.etree.iterparse",
                  "lxml.etree.XMLParser", "lxml.etree.XML", "lxml.html.fromstring"),
        ),
        ("import xml.etree.ElementTree as ET", "from xml.dom import minidom",
         "from lxml import etree\netree.fromstring(b)", "from lxml import etree\netree.parse(f)"),
        ("from lxml import etree\netree.tostring(e)", "from crossdock import xml\nxml.parse(b)"),
        {
            "crossdock/xml.py": "the door",
            "crossdock/sandbox/": "the other side, which has a parser of its own",
        },
    ),
    Rule(
        "host keys that are taken as they come", "paramiko look_for_keys allow_agent",
        "the key is pinned before the first login",
        any_of(
            mentions("paramiko.AutoAddPolicy", "paramiko.WarningPolicy",
                     "paramiko.client.AutoAddPolicy"),
            keyword("look_for_keys", True), keyword("allow_agent", True),
        ),
        ("import paramiko\nc.set_missing_host_key_policy(paramiko.AutoAddPolicy())",
         "from paramiko import WarningPolicy", "c.connect(h, look_for_keys=True)"),
        ("import paramiko\nparamiko.RejectPolicy()",),
    ),
    Rule(
        "SQL put together from text", "sqlalchemy",
        "values are bound, names are quoted",
        made_of_text("sqlalchemy.text", "sqlalchemy.literal_column"),
        ("import sqlalchemy as sa\nsa.text(f'select {x}')",
         "from sqlalchemy import text\ntext('select ' + x)",
         "from sqlalchemy import text\ntext('select {}'.format(x))"),
        ("import sqlalchemy as sa\nsa.text('select 1')",),
        {"crossdock/sql/extract.py": "the query that an integrator wrote in the system's file"},
    ),
    Rule(
        "templates that do not escape", "jinja2",
        "a name from a shop would be HTML",
        any_of(without("autoescape", "jinja2.Environment"), mentions("jinja2.Template")),
        ("import jinja2\njinja2.Environment()", "from jinja2 import Template",
         "from jinja2 import Environment\nEnvironment(autoescape=False)"),
        ("from jinja2 import Environment\nEnvironment(autoescape=True)",),
    ),
    Rule(
        "readers that guess", "pandas",
        "00123 would be 123, and NA nothing",
        mentions("pandas.read_csv", "pandas.read_excel", "pandas.read_json", "pandas.read_table",
                 "pandas.read_html", "pandas.read_xml", "pandas.read_sql"),
        ("import pandas as pd\npd.read_csv(f)", "from pandas import read_excel"),
        ("from pyarrow import csv\ncsv.read_csv(f)",),
    ),
    Rule(
        "archives unpacked by their own names", "extract unpack_archive",
        "../../etc/cron.d is a name as well",
        calls(".extractall", ".extract", "shutil.unpack_archive"),
        ("archive.extractall()", "archive.extract(m)", "import shutil\nshutil.unpack_archive(f)"),
        ("archive.open(m)",),
    ),
    Rule(
        "sleep", "sleep",
        "the world sleeps, so that rigs own the time",
        calls("time.sleep"), ("import time\ntime.sleep(1)", "from time import sleep\nsleep(1)"),
        ("world.sleep(1)",),
        {
            "crossdock/sandbox/": "is slow on purpose",
            "crossdock/scheduler.py": "waits for Airflow",
            "crossdock/real/process.py": "waits for a throwaway server",
            "crossdock/demo.py": "waits for Airflow", "crossdock/bundled.py": "waits for a process",
            "crossdock/crew.py": "waits for a process", "crossdock/closing.py": "the last sweep",
            "crossdock/store/shared.py": "waits for a row that another worker holds",
        },
    ),
    Rule(
        "patterns of others in Python's engine", "re.",
        "(a+)+$ never ends there; RE2 always does",
        user_pattern,
        ("import re\nre.compile(spec['pattern'])", "import re\nre.match(given, text)",
         "import re\nre.search(f'{given}x', text)"),
        ("import re\nre.compile('a+')", "import re\nre.compile(f'{WORD}+')",
         "import re\nre.compile('^' + re.escape(given))", "import re2\nre2.compile(given)"),
        {
            "crossdock/formats/plausible.py": "letters that the module itself declares",
            "crossdock/convert/": "the separators and shapes that the module itself declares",
            "crossdock/edi/": "guides and separators, escaped or made of counted characters",
            "crossdock/model/": "patterns of the model's own declaration",
        },
    ),
    Rule(
        "signatures compared with ==", "hmac",
        "hmac.compare_digest takes the same time for all",
        compared_digest,
        ("import hmac\nhmac.new(k, b, 'sha256').digest() == given",
         "import hmac\ngiven != hmac.digest(k, b, 'sha256')"),
        ("import hmac\nhmac.compare_digest(a, b)", "digest(body) == sha"),
    ),
)  # fmt: skip


def assert_without_reason(text: str) -> list[int]:
    """Find asserts in product code whose line does not say why the check may be left out."""
    lines = text.splitlines()
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assert) and "noqa: S101" not in lines[node.lineno - 1]
    ]
