"""``web-download``: the service fetches the bytes from an HTTP or HTTPS address."""

from glimpse.catalog.records import Image
from glimpse.config import Settings
from glimpse.errors import Invalid
from glimpse.imports import request as requests
from glimpse.imports.request import ImportRequest
from glimpse.imports.run import ImportRun
from glimpse.transfer.protocols import Stream
from glimpse.transfer.sources import uri
from glimpse.transfer.sources.http import HttpSource
from glimpse.transfer.sources.resolve import within
from glimpse.transfer.sources.rules import FetchRules


def fetch_rules(settings: Settings) -> FetchRules:
    """The operator's ``[import_filtering_opts]``."""
    options = settings.import_filtering_opts
    return FetchRules.parse({option.name: getattr(options, option.name) for option in options.declared})


class WebDownload:
    """Import from the web. The address is judged in the call and again at every connect."""

    required_status = "queued"
    source = "web"

    def __init__(self, name: str = "web-download") -> None:
        """``name``: the same done under another name, as tasks have it."""
        self.name = name

    def check(self, request: ImportRequest, image: Image, settings: Settings) -> None:
        """The address must be one that this service may fetch from. Raises Invalid."""
        self.check_address(request, settings)

    def check_address(self, request: ImportRequest, settings: Settings) -> None:
        """The same, where there is no image yet."""
        if request.uri is None:
            raise Invalid(f"'uri' is a required field of the method {self.name} and must be a string.")
        uri.check(request.uri, fetch_rules(settings), within(settings.glimpse.web_connect_timeout))

    def open(self, run: ImportRun) -> Stream:
        """The body of the answer, streamed."""
        settings = run.resources.settings
        request = requests.parse(run.request, (self.name,))
        if request.uri is None:
            raise Invalid("The import record names no 'uri'.")
        return HttpSource(
            request.uri,
            fetch_rules(settings),
            connect_timeout=settings.glimpse.web_connect_timeout,
            stall_timeout=settings.glimpse.web_stall_timeout,
            minimum_speed=settings.glimpse.web_minimum_speed,
            user_agent=settings.glimpse.web_user_agent,
            stop=run.stop,
            size_cap=run.size_cap,
        )
