"""Call a GraphQL API operation by operation, where documents need several in a row.

Errors at the top of an answer carry a code, as Apollo Server writes it; a mutation may answer with
a union one of whose members is an error with ``errorCode`` and ``message``.
https://www.apollographql.com/docs/apollo-server/data/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossdock import json
from crossdock.api import Api
from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater
from crossdock.exchange import Answer, NoAnswer, Request, heard_of
from crossdock.graphql_text import operation
from crossdock.verdict import at


class GraphqlCalls(Api):
    """An account at a GraphQL API; ``address`` is its one endpoint."""

    def request(self, text: str, again: bool = True) -> Request:
        """Make the request of an operation."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"query": text}).encode()
        return Request("POST", self.address(), headers=headers, body=body, again=again)

    def ask(self, text: str, again: bool = True) -> tuple[Answer, Any]:
        """Send an operation; gives the answer and its ``data``.

        Raises Misconfigured, Refused, TryLater; NoAnswer where the effect is unknown.
        """
        answer = self.http.send(self.request(text, again))
        said = answer.document(self.address())
        if isinstance(said, dict) and said.get("errors"):
            raise said_no(said["errors"][0])
        if not isinstance(said, dict) or not isinstance(said.get("data"), dict):
            raise TryLater("the answer is none of GraphQL's", where=self.address())
        return answer, said["data"]

    def do(self, name: str, gives: str, **arguments: Any) -> Any:
        """Do a mutation, once; gives its result. Raises as ``ask`` does, Refused for its no."""
        _, data = self.ask("mutation" + operation(name, gives, **arguments), again=False)
        if isinstance(data[name], dict) and data[name].get("errorCode"):
            raise Refused(f"{data[name]['errorCode']}: {data[name].get('message')}", where=name)
        return data[name]


def forbidden(answer: Answer) -> bool:
    """Say whether an answer turns the credentials down, with status 200 and a code."""
    return bool(at(heard_of(answer).document, "errors.0.extensions.code") == "FORBIDDEN")


def said_no(error: Mapping[str, Any]) -> CrossdockError:
    """Make an error of theirs by its code; one that nobody knows may have had an effect."""
    code, words = at(error, "extensions.code"), str(error.get("message"))[:300]
    if code in {"FORBIDDEN", "UNAUTHENTICATED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}:
        return Misconfigured(words, fix="check the rights of the account, and versions")
    if code in {"USER_INPUT_ERROR", "ENTITY_NOT_FOUND", "ILLEGAL_OPERATION"}:
        return Refused(words)
    return NoAnswer(words)
