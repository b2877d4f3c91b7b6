"""What both ways of uploading share: the checks before the first byte, the claim, what follows a failure."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.types import Receive

from glimpse.api.context import Context
from glimpse.api.errors import HttpError
from glimpse.api.leases import Upload
from glimpse.api.steady import to_the_end
from glimpse.catalog.admission import Admission
from glimpse.catalog.records import Image, UploadClaim, UploadKind
from glimpse.errors import Cancelled, ClaimLost, Gone, Invalid, NotFound

MEDIA = "application/octet-stream"


class ClientGone(Cancelled):
    """The client went away; there is nobody to answer."""

    code = "client-gone"


class Chunks:
    """The body of a request, in the pieces in which it comes; can be looked into before it is read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: list[bytes] = []
        self._ended = False
        self.upload: Upload | None = None

    async def head(self, length: int) -> bytes:
        """The first ``length`` bytes, fewer of a shorter body. Raises ClientGone."""
        seen = b"".join(self._seen)
        while len(seen) < length and (chunk := await self._next()):
            self._seen.append(chunk)
            seen += chunk
        return seen[:length]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen, self._seen = self._seen, []
        for chunk in seen:
            yield chunk
        while chunk := await self._next():
            yield chunk

    def settle(self) -> None:
        """All has come, or no more is wanted: from here the catalog decides, not the client."""
        if self.upload is not None:
            self.upload.settling = True

    async def _next(self) -> bytes:
        while not self._ended:
            upload = self.upload
            if upload is not None:
                upload.silent_since = time.monotonic()
            message = await self._receive()
            if upload is not None:
                upload.silent_since = None
            if message["type"] == "http.disconnect":
                raise ClientGone("The client went away before all data had come.")
            self._ended = not message.get("more_body", False)
            if chunk := message.get("body", b""):
                return bytes(chunk)
        return b""


def check_media_type(request: Request) -> None:
    """Raise 415 unless the body is declared as plain bytes."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != MEDIA:
        raise HttpError(415, f"The Content-Type must be {MEDIA}, not {media[:100] or 'absent'}.")


def expected_size(request: Request) -> int | None:
    """How many bytes the client says it will send; None when it does not say. Raises Invalid."""
    for name in ("x-openstack-image-size", "content-length"):
        value = request.headers.get(name)
        if value is not None:
            if not (value.isascii() and value.isdigit() and len(value) < 19):
                raise Invalid(f"{name} must be a whole number of bytes.")
            return int(value)
    return None


Work = Callable[[UploadClaim, Image], Awaitable[None]]


async def run(
    context: Context,
    image_id: str,
    kind: UploadKind,
    store: str | None,
    chunks: Chunks,
    work: Work,
    admission: Admission | None,
) -> None:
    """Claim the image and do ``work`` under the claim; after any failure the image is queued again.

    ``work`` gets the image as it is then: its formats are fixed from the claim on, and may have changed just
    before. It leaves no data behind when it fails. Raises what it raises, what the ``admission`` does, and Gone when
    the image was deleted meanwhile.
    """
    claim = await context.write(
        context.catalog.images.begin_upload,
        image_id,
        kind,
        store,
        context.process,
        context.leases.seconds,
        admission,
    )
    task = asyncio.ensure_future(_under(context, claim, chunks, work))
    upload = chunks.upload = Upload(claim, task)
    context.leases.hold(upload)
    try:
        await task
    except asyncio.CancelledError:
        if upload.error is None:
            raise
        raise await _explained(context, image_id, upload.error) from None
    except (ClaimLost, NotFound) as error:
        raise await _explained(context, image_id, error) from error
    finally:
        context.leases.drop(upload)


class _Abortable(Protocol):
    def abort(self) -> None: ...


W = TypeVar("W", bound=_Abortable)


async def opened(context: Context, make: Callable[[], W]) -> W:
    """Make a writer, beside the event loop; if this task is cancelled meanwhile, what was made is removed."""
    made: list[W] = []
    try:
        await to_the_end(context.work(lambda: made.append(make())))
    except asyncio.CancelledError:
        for writer in made:
            await to_the_end(context.work(writer.abort))
        raise
    return made[0]


async def _under(context: Context, claim: UploadClaim, chunks: Chunks, work: Work) -> None:
    try:
        await work(claim, await context.read(context.catalog.images.get, claim.image_id))
    except BaseException:
        chunks.settle()
        await to_the_end(context.write(context.catalog.uploads.fail, claim))
        raise


async def _explained(context: Context, image_id: str, error: Exception) -> Exception:
    """A lost claim, as its client should see it."""
    if isinstance(error, ClaimLost | NotFound):
        try:
            await context.read(context.catalog.images.get, image_id)
        except NotFound:
            return Gone(f"Image {image_id} was deleted during the upload.")
    return error
