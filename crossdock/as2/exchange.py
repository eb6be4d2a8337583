"""A partner over AS2 as a place where files are fetched and left, as on an SFTP server."""

from __future__ import annotations

from pathlib import Path

from crossdock.as2.postbox import Postbox
from crossdock.as2.relation import load
from crossdock.as2.sender import Sender, Sent
from crossdock.connector import World
from crossdock.edi.folder import LocalFolders
from crossdock.egress import Egress
from crossdock.errors import Refused


class As2Exchange(LocalFolders):
    """The post box of one partner: what came lies in ``out``, what was taken in ``in``.

    A file lies in ``in`` once the partner said yes to it, or has it and owes its MDN.
    """

    def __init__(
        self,
        world: World,
        partner: str,
        boxes: Path,
        *,
        allow_private: bool = False,
        passphrase: str = "",
    ) -> None:
        super().__init__(boxes / partner)
        relation = load(world.project, partner, passphrase)
        box = Postbox(boxes / partner)
        self._sender = Sender(world, Egress(allow_private), relation, box)
        self.awaits = relation.receipts == "async"

    def upload(self, folder: str, name: str, data: bytes) -> None:
        """Send the file, then keep it in ``folder``.

        Raises TryLater where no receipt came; Refused where the partner's receipt says no.
        """
        sent = self._sender.send(data, name)
        if sent.state == "refused":
            raise Refused(sent.words, where=name)
        super().upload(folder, name, data)

    def state(self, name: str) -> Sent:
        """Say what became of a file; raises TryLater where its MDN is overdue."""
        return self._sender.state(name)

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()
