"""The EDI desk: what is done for a flow's partners between its steps and its books.

What came is registered and answered, what partners say of what we sent is taken in, what they owe
us is watched, and what a steward decided is told to them. Each part is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from crossdock.connector import Connector
from crossdock.edi import account as accounts
from crossdock.edi import deadlines, register, released, replies, told
from crossdock.edi.account import Account
from crossdock.errors import TryLater
from crossdock.flows import Flow
from crossdock.home import Home
from crossdock.store import Store


@dataclass
class Attended:
    """What was done on one account; ``later`` says why something waits."""

    system: str
    replies: int = 0
    answered: int = 0
    told: int = 0
    overdue: int = 0
    released: int = 0
    later: str = ""


def attend(
    home: Home, store: Store, flow: Flow, run_id: str = "", now: datetime | None = None
) -> list[Attended]:
    """Attend to every EDI account of ``flow``; gives what was done, an account each."""
    return list(_accounts(home, store, _systems(flow), flow.name, run_id, now))


def attend_all(home: Home, store: Store, now: datetime | None = None) -> list[Attended]:
    """Attend to every EDI account of the project, outside of any flow."""
    from crossdock import systems

    return list(_accounts(home, store, systems.names(home), "", "", now))


def _systems(flow: Flow) -> list[str]:
    names = [leg.system for leg in flow.legs] + [route.system for route in flow.routes]
    return list(dict.fromkeys(names))


def _accounts(
    home: Home, store: Store, names: list[str], flow: str, run_id: str, now: datetime | None
) -> Iterator[Attended]:
    for name in names:
        with accounts.opened(home, store, name, flow, run_id) as account:
            if account is not None:
                yield _attend(account, now or datetime.now(UTC))


def _attend(account: Account, now: datetime) -> Attended:
    """Do what can be done; what the partner cannot take now stays due, and is told."""
    done = Attended(account.system)
    try:
        done.replies = replies.take_in(account)
        done.answered = register.answer_all(account)
        done.told = told.tell(account, now)
    except TryLater as error:
        done.later = str(error)
    released.name_strangers(account)
    done.overdue = deadlines.watch(account, _written(account), now)
    done.released = released.release(account, now)
    return done


def _written(account: Account) -> dict[str, str]:
    """Name the message of each stream that the account takes."""
    connector = account.connector
    assert isinstance(connector, Connector)  # noqa: S101 - it was opened as one
    return {
        name: str(stream.options.get("message", "")) for name, stream in connector.writes().items()
    }
