"""The http store: images at addresses of the web that somebody has given. Nothing is ever written there."""

from collections.abc import Collection, Mapping
from typing import NoReturn

from glimpse.errors import Forbidden
from glimpse.stores.http.options import HttpOptions
from glimpse.stores.http.reader import HttpReader
from glimpse.stores.http.remote import Remote
from glimpse.transfer.sources.resolve import within
from glimpse.transfer.sources.uri import check
from glimpse.transfer.stop import NEVER


class HttpStore:
    """A read-only :class:`glimpse.stores.base.Store`; its locations come from users (it ``Registers``)."""

    type = "http"
    read_only = True
    schemes: Collection[str] = frozenset({"http", "https"})

    def __init__(
        self, id: str, options: Mapping[str, object], *, description: str = "", weight: int = 0
    ) -> None:
        self.id = id
        self.description = description
        self.weight = weight
        self._options = HttpOptions.parse(id, options)

    def check(self) -> None:
        """There is nothing to check before an address is given."""

    def check_url(self, url: str) -> None:
        """Raise UriRefused unless the address may be fetched; asks the name server, but not the address itself."""
        check(url, self._options.rules, within(self._options.connect_timeout))

    def writer(self, image_id: str, claim: int, size: int | None, *, data: int | None = None) -> NoReturn:
        """Nothing can be written. Raises Forbidden."""
        raise Forbidden(f"Store {self.id!r} is read-only.")

    def reader(self, url: str) -> HttpReader:
        """Open what lies at an address, judged again. Raises UriRefused, SourceRefused, SourceUnavailable, NotFound."""
        return HttpReader(lambda start, validator: self._get(url, start, validator))

    def delete(self, url: str) -> None:
        """What lies there is not ours and stays."""

    def sweep(self, image_id: str, keep: Collection[str], *, claim: int | None = None) -> None:
        """Nothing here was made by this service."""

    def _get(self, url: str, start: int, validator: str | None) -> Remote:
        told = self._options
        return Remote(
            url,
            start,
            validator,
            rules=told.rules,
            connect_timeout=told.connect_timeout,
            stall_timeout=told.stall_timeout,
            minimum_speed=told.minimum_speed,
            user_agent=told.user_agent,
            stop=NEVER,
            size_cap=None,
            ssl_context=told.tls,
        )
