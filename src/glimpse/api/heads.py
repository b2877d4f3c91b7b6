"""The headers of a request, as names and values."""

from collections.abc import Iterable

from glimpse.api.errors import HttpError

# Two of these could mean one thing to a proxy and another to us.
SINGLE = frozenset({
    "authorization", "content-length", "content-type", "host", "range", "transfer-encoding", "x-auth-token",
    "x-image-meta-store", "x-openstack-image-size", "x-openstack-request-id", "x-service-token",
})  # fmt: skip

Raw = Iterable[tuple[bytes, bytes]]


def read(raw: list[tuple[bytes, bytes]], longest: int) -> dict[str, str]:
    """Names in lower case and values, those of a repeated header joined by commas.

    Raises HttpError for a value of more than ``longest`` bytes, and for two of what there can be one of.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers = _joined(raw)
    if headers and max(map(len, headers.values())) > longest:
        raise HttpError(431, f"A header may have {longest} bytes.")
    return headers


def _joined(raw: Raw) -> dict[str, str]:
    headers: dict[str, str] = {}
    for key, value in raw:
        name, text = key.decode("latin-1"), value.decode("latin-1")
        if name in headers:
            if name in SINGLE:
                raise HttpError(400, f"The header {name} is there twice.")
            text = f"{headers[name]}, {text}"
        headers[name] = text
    return headers
