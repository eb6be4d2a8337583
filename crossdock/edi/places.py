"""Where a partner's files are fetched and left: folders here, an AS2 post box, an SFTP server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crossdock.connector import Outcome, Parcel, Verdict
from crossdock.edi.folder import Exchange, LocalFolders
from crossdock.errors import Misconfigured, TryLater


def exchange_of(account: Any) -> Exchange:
    """Open the exchange that the settings of an account name; raises Misconfigured for none."""
    if account.folder:
        return LocalFolders(Path(account.folder))
    if account.as2:
        from crossdock.as2.exchange import As2Exchange

        return As2Exchange(
            account.world,
            account.partner,
            Path(account.as2),
            allow_private=account.allow_private,
            passphrase=account.passphrase,
        )
    if not account.host:
        raise Misconfigured(
            "neither folder, as2 nor host is set", where=account.system, fix="set one of them"
        )
    from crossdock.egress import Egress
    from crossdock.sftp import Login, Sftp

    login = Login(
        host=account.host,
        port=int(account.port),
        user=account.user,
        password=account.password,
        key=account.key,
        passphrase=account.passphrase,
        host_key=account.host_key,
    )
    return Sftp(account.world, Egress(account.allow_private), login)


def followed(exchange: Any, parcel: Parcel, *, answered: bool) -> Outcome:
    """Say what became of a file that left over AS2; ``answered``: a CONTRL is still to come.

    ``exchange`` is an ``As2Exchange``.
    """
    name = str(parcel.their_id)
    try:
        sent = exchange.state(name)
    except TryLater as error:
        return Outcome(parcel.reference, "try_later", name, str(error))
    if sent.state == "delivered" and not answered:
        return Outcome(parcel.reference, "delivered", name)
    verdict: Verdict = "refused" if sent.state == "refused" else "accepted"
    return Outcome(parcel.reference, verdict, name, sent.words)
