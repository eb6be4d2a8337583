"""A GraphQL API: operations as texts, lists by connections or offsets, errors inside 200.

A list declares ``query``, ``variables`` (dotted names), ``records`` beneath ``data``, ``paging``
whose parameters are variables and whose paths lie beneath ``data`` (``connection`` follows
``pageInfo``), ``since`` (the variable that takes the cursor). A target declares ``mutation``,
``variable`` (which takes the body), ``variables``, ``result`` (beneath ``data``), ``their_id``,
``refusals`` and ``code`` (beneath the result), and ``lookup`` with ``query`` in place of a path.
https://spec.graphql.org/October2021/ https://relay.dev/graphql/connections.htm
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from crossdock.connector import Reads, Writes
from crossdock.errors import Misconfigured
from crossdock.rest import RestApi
from crossdock.rest_listing import refuse_typos
from crossdock.verdict import nested

_LIST = {"query", "variables", "paging", "since", "start"}
_TARGET = {"mutation", "variables", "variable", "result", "their_id", "refusals", "code"}
_PATHS = ("path", "total", "pages", "more")
_CODE = "errors.0.extensions.code"

RULES: tuple[Mapping[str, Any], ...] = (
    {
        "field": _CODE,
        "one_of": ["THROTTLED", "RATE_LIMITED", "TOO_MANY_REQUESTS"],
        "is": "try_later",
        "message": "errors.0.message",
    },
    {
        "field": _CODE,
        "one_of": ["FORBIDDEN", "UNAUTHENTICATED", "UNAUTHORIZED", "ACCESS_DENIED"],
        "is": "misconfigured",
        "message": "errors.0.message",
    },
    {
        "field": _CODE,
        "one_of": ["INTERNAL_SERVER_ERROR", "INTERNAL_ERROR"],
        "is": "uncertain",
        "message": "errors.0.message",
    },
    {"field": "errors", "is": "refused", "message": "errors.0.message"},
)
"""What errors at the top of an answer mean; a part of the data with errors is no answer."""


class GraphqlApi(RestApi):
    """An account at a GraphQL API; ``address`` is its one endpoint."""

    rules: ClassVar[tuple[Mapping[str, Any], ...]] = RULES

    @classmethod
    def list_of(cls, stream: Reads) -> Reads:
        """Say a query as a list that is read by POST; raises ValueError."""
        given = dict(stream.options)
        if "of" in given:
            return stream
        refuse_typos(given, _LIST)
        if "query" not in given:
            raise ValueError("a list of a GraphQL API needs a query")
        parameters = {"query": given.pop("query")}
        parameters |= _variables(given.pop("variables", {}))
        options = {
            **given,
            "path": "",
            "method": "POST",
            "parameters": parameters,
            "paging": _paging(given.get("paging"), stream.records),
        }
        if given.get("since"):
            options["since"] = f"variables.{given['since']}"
        return dataclasses.replace(stream, records=f"data.{stream.records}", options=options)

    @classmethod
    def target_of(cls, stream: Writes) -> Writes:
        """Say mutations as documents that are posted; raises ValueError."""
        given = dict(stream.options)
        refuse_typos(given, _TARGET)
        own = [name for name in ("create", "update", "delete") if name in given]
        options = _sending(given, stream) if "mutation" in given else {
            name: value for name, value in given.items() if name not in _TARGET
        }  # fmt: skip
        for name in own:
            options[name] = _sending({**given, **given[name]}, stream)
        if "lookup" in given:
            options["lookup"] = _lookup(given["lookup"])
        return dataclasses.replace(stream, options=options)

    @classmethod
    def operations(cls, streams: Iterator[Reads | Writes]) -> Iterator[tuple[str, str]]:
        """Give every operation text of streams with a name for messages."""
        for stream in streams:
            spec = stream.options
            for name in ("query", "mutation"):
                if name in spec:
                    yield stream.name, str(spec[name])
            for name in ("create", "update", "delete", "lookup"):
                for kind in ("query", "mutation"):
                    if kind in spec.get(name, {}):
                        yield f"{stream.name}, {name}", str(spec[name][kind])

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every operation text of this account's streams."""
        return self.operations(iter([*self.reads().values(), *self.writes().values()]))


def _variables(given: Mapping[str, Any]) -> dict[str, Any]:
    return {f"variables.{name}": value for name, value in given.items()}


def _paging(spec: Mapping[str, Any] | None, records: str) -> Mapping[str, Any] | None:
    if spec is None:
        return None
    given = dict(spec)
    if given.get("kind") == "connection":
        info = f"data.{records.rpartition('.')[0]}.pageInfo"
        size = given.get("size", {"first": 100})
        return {
            "kind": "cursor",
            "path": f"{info}.endCursor",
            "more": f"{info}.hasNextPage",
            "parameter": f"variables.{given.get('parameter', 'after')}",
            "size": _variables(size),
        }
    for name in _PATHS:
        if name in given:
            given[name] = f"data.{given[name]}"
    if "parameter" in given:
        given["parameter"] = f"variables.{given['parameter']}"
    if "size" in given:
        given["size"] = _variables(given["size"])
    return given


def _sending(given: Mapping[str, Any], stream: Writes) -> dict[str, Any]:
    """Say one mutation in the options of REST."""
    if "mutation" not in given or "result" not in given:
        raise ValueError("a target of a GraphQL API needs mutation and result")
    result = f"data.{given['result']}"
    verdict = list(given.get("verdict", ()))
    refusals = given.get("refusals")
    if refusals:
        path = f"{result}.{refusals}"
        verdict.append({"field": path, "is": "refused", "message": f"{path}.0.message"})
    if given.get("code"):
        path = f"{result}.{given['code']}"
        verdict.append({"field": path, "is": "refused", "message": f"{result}.message"})
    around = {"query": given["mutation"], "variables": nested(given.get("variables", {}))}
    kept = {
        name: value
        for name, value in given.items()
        if name not in _TARGET | {"create", "update", "delete", "lookup", "verdict"}
    }
    made = {
        **kept,
        "path": "",
        "method": "POST",
        "around": around,
        "wrap": f"variables.{given.get('variable', 'input')}",
        "verdict": verdict,
    }
    if "their_id" in given:
        made["their_id"] = f"{result}.{given['their_id']}"
    return made


def _lookup(spec: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(spec)
    body = {"query": given.pop("query"), "variables": nested(given.pop("variables", {}))}
    return {**given, "path": "", "body": body, "records": f"data.{given.get('records', '')}"}


def schema_of(path: Path) -> Any:
    """Read a schema: SDL, or the JSON of an introspection; raises Misconfigured.

    Vendors' schemas break rules of the newest draft, so they are taken as they are.
    """
    import graphql

    from crossdock import json

    try:
        text = path.read_bytes()
        if path.name.endswith(".json"):
            document = json.loads(text, str(path))
            return graphql.build_client_schema(document.get("data", document), assume_valid=True)
        return graphql.build_schema(text.decode(), assume_valid=True)
    except (OSError, UnicodeDecodeError, TypeError, graphql.GraphQLError) as error:
        raise Misconfigured(f"this is no GraphQL schema: {error}", where=str(path)) from None


def schema_from(text: str) -> Any:
    """Make a schema from SDL, for a sandbox that executes operations."""
    import graphql

    return graphql.build_schema(text)


def execute(schema: Any, text: str, variables: Any, root: Any) -> dict[str, Any]:
    """Validate and execute an operation; gives ``data`` and ``errors`` as a server answers them."""
    import graphql

    made = graphql.graphql_sync(schema, text, root_value=root, variable_values=variables)
    return dict(made.formatted)


def faults_of(text: str, schema: Any = None) -> list[str]:
    """Say what is wrong with an operation text: its syntax, and against a schema where given.

    >>> faults_of("query { orders { id }")
    ['line 1: Syntax Error: Expected Name, found <EOF>.']
    """
    import graphql

    try:
        document = graphql.parse(text)
    except graphql.GraphQLSyntaxError as error:
        return [_placed(error)]
    if schema is None:
        return []
    return [_placed(error) for error in graphql.validate(schema, document)]


def _placed(error: Any) -> str:
    line = f"line {error.locations[0].line}: " if error.locations else ""
    return f"{line}{error.message}"
