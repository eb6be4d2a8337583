"""A source for tests: the files of a folder, oldest name first, each a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crossdock.connector import Check, Connector, Page, Reads, setting
from crossdock.formats import media_of


class Inbox(Connector):
    """One folder; a stream reads its own sub-folder."""

    folder: str = setting("where the files are")

    kind = "inbox"

    def check(self) -> Iterator[Check]:
        """Look for the folder."""
        yield Check("folder", Path(self.folder).is_dir())

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Give every file, also those that were given before."""
        folder = Path(self.folder, stream.name)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield Page(path.name, path, media_of(path.name))
