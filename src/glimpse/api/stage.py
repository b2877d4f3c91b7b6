"""Staging: data that waits on this host until it is imported."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from glimpse.access import signature
from glimpse.access.quota import Intake
from glimpse.access.target import image_target
from glimpse.api import uploads
from glimpse.api.context import Context, caller_of, context_of
from glimpse.api.images import empty, visible
from glimpse.api.operation import operations
from glimpse.api.steady import to_the_end
from glimpse.catalog.records import Image, StagedFile, UploadClaim
from glimpse.errors import NotFound
from glimpse.imports.inspection import expected_format, rules
from glimpse.imports.methods import offered
from glimpse.imports.planning import adoptable, algorithms
from glimpse.staging.ingest import Received, receive
from glimpse.staging.writer import StagedWriter
from glimpse.transfer.archive import magic
from glimpse.transfer.decompress import detect
from glimpse.transfer.disk.inspect import inspect_file

router = operations("data")

# Enough for every magic number of a compression or a disk format that decides about hashing.
HEAD_BYTES = 512


@router.put("/v2/images/{image_id}/stage", status_code=204)
async def put_stage(request: Request, image_id: str) -> Response:
    """Upload data that is to be imported by ``glance-direct``."""
    context, caller = context_of(request), caller_of(request)
    settings = context.settings
    if "glance-direct" not in offered(settings):
        raise NotFound("Import by glance-direct is not enabled here.")
    uploads.check_media_type(request)
    expected = uploads.expected_size(request)
    image = await visible(request, image_id)
    context.policy.check("modify_image", caller, image_target(image))
    if expected is not None:
        context.limits.check_size(expected)
    intake = (await context.quotas.of(image.owner)).stage(expected, context.limits.size)
    chunks = uploads.Chunks(request.receive)
    work = partial(_stage, context, chunks, expected, intake)
    await uploads.run(context, image.id, "stage", None, chunks, work, intake.beginning)
    return empty(204)


async def _stage(
    context: Context,
    chunks: uploads.Chunks,
    expected: int | None,
    intake: Intake,
    claim: UploadClaim,
    image: Image,
) -> None:
    settings = context.settings
    head = await chunks.head(HEAD_BYTES)
    wrapper = detect(head) or magic.detect(head)
    # Digests of data that an import will change are digests of nothing.
    hashed = adoptable(context.plugins, image.disk_format, image.container_format, wrapper)
    # The signature's own is not missed by an import then, which would have to read the data for it.
    wanted = (*algorithms(settings.default.hashing_algorithm), *signature.algorithm(image.properties))
    writer = await uploads.opened(context, partial(context.area.create, image.id, claim.claim, expected))
    with intake.coming():
        received: Received[object] = await receive(
            aiter(chunks),
            writer,
            budget=context.budget,
            pool=context.files,
            digests=wanted if hashed else (),
            expected_size=expected,
            size_cap=intake.most,
        )
    chunks.settle()
    await to_the_end(context.work(_record, context, image, writer, claim, received, wrapper, intake))


def _record(
    context: Context,
    image: Image,
    writer: StagedWriter,
    claim: UploadClaim,
    received: Received[object],
    wrapper: str | None,
    intake: Intake,
) -> None:
    """Make the staged file known to imports, or leave nothing of it. Blocking."""
    try:
        staged = writer.commit()
        # Of compressed data only an import can say what it is. Read again rather than watched as it came in:
        # that takes a millisecond, while watching would hold the first MiB of each of thousands of trickling
        # uploads.
        found = (
            None if wrapper else inspect_file(staged.path, expected_format(image), rules(context.settings))
        )
        context.catalog.uploads.complete_stage(
            claim,
            StagedFile(
                image_id=claim.image_id,
                host=context.settings.host_id,
                path=str(staged.path),
                device=staged.device,
                inode=staged.inode,
                length=staged.length,
                modified_ns=staged.modified_ns,
                digests=received.digests,
                format=None if found is None else found.format,
                virtual_size=None if found is None else found.virtual_size,
                refusal=None if found is None else found.refusal,
                wrapper=wrapper,
            ),
            intake.end(staged.length),
        )
    except BaseException:
        writer.abort()
        raise
