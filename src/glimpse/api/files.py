"""An image's data: put it, get it."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access.caller import Caller
from glimpse.access.quota import Intake
from glimpse.access.signature import Signature
from glimpse.access.target import image_target
from glimpse.api import jsonbody, uploads
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.download import Download, Source, preferred
from glimpse.api.images import empty, visible
from glimpse.api.operation import operations
from glimpse.api.ranges import Part, requested
from glimpse.api.steady import to_the_end
from glimpse.catalog.records import Image, NewLocation, UploadClaim
from glimpse.errors import ClaimLost, Forbidden, Invalid, NotFound
from glimpse.imports.inspection import expected_format, rules
from glimpse.imports.planning import CHECKSUM, algorithms
from glimpse.staging.ingest import Received, receive
from glimpse.staging.sink import StoreSink
from glimpse.stores.base import Annotates, Store
from glimpse.transfer.disk.inspect import Finding, inspect_object
from glimpse.transfer.protocols import Writer

router = operations("data")


@router.put("/v2/images/{image_id}/file", status_code=204)
async def put_file(request: Request, image_id: str) -> Response:
    """Upload data straight into a store; the image is active when the answer comes."""
    context, caller = context_of(request), caller_of(request)
    uploads.check_media_type(request)
    expected = uploads.expected_size(request)
    image = await visible(request, image_id)
    context.policy.check("upload_image", caller, image_target(image))
    store = _store(context, request.headers.get("x-image-meta-store"))
    if expected is not None:
        context.limits.check_size(expected)
    intake = (await context.quotas.of(image.owner)).file(expected, context.limits.size)
    chunks = uploads.Chunks(request.receive)
    work = partial(_store_file, context, caller, store, chunks, expected, intake)
    await uploads.run(context, image.id, "file", store.id, chunks, work, intake.beginning)
    return empty(204)


@router.get("/v2/images/{image_id}/file")
async def get_file(request: Request, image_id: str) -> Response:
    """Download data, or a range of it; an empty answer where there is none yet."""
    context, caller = context_of(request), caller_of(request)
    jsonbody.refuse_body(request)
    image = await visible(request, image_id)
    target = image_target(image)
    prefer = _prefer(context, request.query_params.get("prefer"))
    context.policy.check("download_image", caller, target)
    if prefer:
        context.policy.check("download_from_store", caller, target)
    if image.status == "deactivated" and not caller.is_admin:
        raise Forbidden(f"Image {image.id} is deactivated.")
    if not image.locations or image.size is None:
        return Response(None, 204, {"content-length": "0"})
    part = requested(request.headers.get("range"), request.headers.get("content-range"), image.size)
    source = Source(context.stores, image.id, image.size, preferred(context.view.by_weight(image), prefer))
    run = context.work if source.local else context.fetch
    await run(source.open, 0 if part is None else part.start)
    headers = {} if image.checksum is None else {"content-md5": image.checksum}
    if part is None:
        return Download(context, source, Part(0, image.size, image.size), 200, headers)
    return Download(context, source, part, 206, {**headers, "content-range": part.content_range})


async def _store_file(
    context: Context,
    caller: Caller,
    store: Store,
    chunks: uploads.Chunks,
    expected: int | None,
    intake: Intake,
    claim: UploadClaim,
    image: Image,
) -> None:
    signature = await context.signature(image.properties, caller)
    signed = () if signature is None else (signature.algorithm,)
    writer = await uploads.opened(context, partial(store.writer, image.id, claim.claim, expected))
    with intake.coming():
        received: Received[object] = await receive(
            aiter(chunks),
            StoreSink(writer),
            budget=context.budget,
            pool=context.files,
            digests=(*algorithms(context.settings.default.hashing_algorithm), *signed),
            expected_size=expected,
            size_cap=intake.most,
        )
    chunks.settle()
    await to_the_end(
        context.work(_publish, context, image, signature, store, writer, claim, received, intake)
    )


def _publish(
    context: Context,
    image: Image,
    signature: Signature | None,
    store: Store,
    writer: Writer,
    claim: UploadClaim,
    received: Received[object],
    intake: Intake,
) -> None:
    """Make what was received the image's data, or leave nothing of it. Blocking."""
    algorithm = context.settings.default.hashing_algorithm
    try:
        if signature is not None:
            signature.verify(received.digests)
        url = writer.commit()
        finding = _inspected(context, image, store, url)
        metadata = store.metadata(url) if isinstance(store, Annotates) else {}
    except BaseException:
        writer.abort()
        raise
    try:
        context.catalog.uploads.complete_file(
            claim,
            NewLocation(url, store.id, metadata),
            size=received.length,
            virtual_size=finding.virtual_size,
            checksum=received.digests[CHECKSUM],
            os_hash_algo=algorithm,
            os_hash_value=received.digests[algorithm],
            admission=intake.end(received.length),
        )
    except ClaimLost:
        writer.abort()
        raise
    except Exception:
        # The connection may have broken after the commit: an active image must not lose its data.
        if not _is_published(context, claim.image_id, url):
            writer.abort()
            raise


def _inspected(context: Context, image: Image, store: Store, url: str) -> Finding:
    """What the object is; nobody else knows of it yet. Raises UnsafeImage.

    Read again rather than watched as it came in: that takes milliseconds, while watching would hold the first
    MiB of each of thousands of trickling uploads.
    """
    reader = store.reader(url)
    try:
        finding = inspect_object(reader, expected_format(image), rules(context.settings))
    finally:
        reader.close()
    finding.raise_if_refused()
    return finding


def _is_published(context: Context, image_id: str, url: str) -> bool:
    try:
        return any(where.url == url for where in context.catalog.images.get(image_id).locations)
    except NotFound:
        return False


def _store(context: Context, named: str | None) -> Store:
    if named is None or not context.settings.multi_store:
        return context.stores.default
    if named not in context.stores:
        raise Invalid(f"There is no store {named[:100]}.")
    store = context.stores.get(named)
    if store.read_only:
        raise Invalid(f"The store {named} is read-only.")
    return store


def _prefer(context: Context, value: str | None) -> list[str]:
    if value is None:
        return []
    if not context.settings.multi_store:
        raise Invalid("This service has a single store; there is nothing to prefer.")
    stores = [name.strip() for name in value.split(",") if name.strip()]
    for name in stores:
        if name not in context.stores:
            raise Invalid(f"There is no store {name[:100]}.")
    return stores
