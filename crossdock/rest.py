"""A REST API: its streams declare paths, paging, cursors and verdicts.

A connector of a vendor is a subclass with ``address`` and ``credentials`` whose streams carry the
options of ``crossdock.rest_listing`` and ``crossdock.rest_sending``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossdock.api import Api
from crossdock.connector import Check, Found, Outcome, Page, Parcel, Reads, Writes
from crossdock.errors import CrossdockError
from crossdock.rest_job import follow
from crossdock.rest_listing import Listing
from crossdock.rest_lookup import lookup
from crossdock.rest_read import Reader
from crossdock.rest_sending import verify
from crossdock.rest_write import Writer

if TYPE_CHECKING:
    import pyarrow as pa


class RestApi(Api):
    """An account at a REST API.

    A dialect over it (GraphQL, OData) overrides ``list_of`` and ``target_of``, which say its own
    options in those of REST.
    """

    @classmethod
    def stream(cls, name: str, spec: Mapping[str, Any]) -> Reads | Writes:
        """Make a stream and compile its options, so that a mistake shows before any request."""
        made = super().stream(name, spec)
        cls.verify(made)
        return made

    @classmethod
    def verify(cls, stream: Reads | Writes) -> None:
        """Raise ValueError or Misconfigured where the options of a stream cannot work."""
        if isinstance(stream, Writes):
            verify(cls.target_of(stream))
        elif not stream.options.get("of"):
            Listing.of(cls.list_of(stream), cls.rules)

    @classmethod
    def list_of(cls, stream: Reads) -> Reads:
        """Give a list as REST declares it."""
        return stream

    @classmethod
    def target_of(cls, stream: Writes) -> Writes:
        """Give a target as REST declares it."""
        return stream

    def check(self) -> Iterator[Check]:
        """Ask for the first page of each list; log in where there is none."""
        login = self._check_login()
        if not login.ok or not self.reads():
            yield login
        for name, stream in self.reads().items():
            if stream.options.get("of"):
                continue
            try:
                count = self.reader(stream).try_once()
            except CrossdockError as error:
                yield Check.failed(f"read {name}", error, stream)
            else:
                yield Check(f"read {name}", ok=True, detail=f"{count} records on the first page")

    def _check_login(self) -> Check:
        try:
            self.http.try_login(self.address())
        except CrossdockError as error:
            return Check.failed("log in", error)
        return Check("log in", ok=True)

    def read(self, stream: Reads, cursor: str | None) -> Iterator[Page]:
        """Yield the pages after ``cursor``, oldest first."""
        return self.reader(stream).pages(cursor)

    def landed(self, stream: Reads, page: Page) -> None:
        """Take what was landed out of the queue, where the stream says how."""
        self.reader(stream).acknowledge(page)

    def tables(self, stream: Reads, media: str, body: Path) -> Iterator[pa.Table]:
        """Parse landed bytes into tables of raw records, as ``Connector.tables`` says."""
        return super().tables(self.list_of(stream), media, body)

    def write(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Send parcels; one verdict each."""
        return Writer(self.http, self.address(), self.target_of(stream), self.rules).write(parcels)

    def lookup(self, stream: Writes, parcels: Sequence[Parcel]) -> dict[str, Found | None]:
        """Read parcels back as the stream's ``lookup`` says."""
        return lookup(self.http, self.address(), self.target_of(stream), parcels, self.rules)

    def follow(self, stream: Writes, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Ask what became of accepted parcels as the stream's ``job`` says."""
        return follow(self.http, self.address(), self.target_of(stream), parcels, self.rules)

    def reader(self, stream: Reads) -> Reader:
        """Give what reads a stream once."""
        return Reader(self.http, self.address(), self.list_of(stream), self.system, self.rules)
