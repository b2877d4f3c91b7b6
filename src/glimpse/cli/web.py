"""The little that the command line needs from the web besides the Image API."""

from glimpse.errors import Unavailable
from glimpse.transfer.sources.uri import masked


def is_url(what: str) -> bool:
    """Whether ``what`` is a URL that a service may fetch, rather than the name of a file."""
    return what.startswith(("http://", "https://"))


def fetch_head(url: str, length: int) -> bytes:
    """The first ``length`` bytes at ``url``, fewer if there are not so many.

    Raises :class:`glimpse.errors.Unavailable`: this machine may not reach what the service reaches.
    """
    import httpx

    hint = "The service may reach it all the same; then say what it is: --disk-format"
    head = bytearray()
    try:
        with httpx.stream(
            "GET", url, headers={"Range": f"bytes=0-{length - 1}"}, follow_redirects=True, timeout=15
        ) as answer:
            if not answer.is_success:
                raise Unavailable(f"HTTP {answer.status_code} from {masked(url)}", hint=hint)
            # Not iter_bytes: a gzip that is called a content coding would be unpacked on the way.
            for chunk in answer.iter_raw(1 << 16):
                head += chunk
                if len(head) >= length:  # a server that ignores ranges sends on
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{masked(url)} cannot be fetched from here: {error}", hint=hint) from error
    return bytes(head[:length])
