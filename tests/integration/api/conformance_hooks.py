"""What schemathesis loads: media types that are JSON, and images that exist for it to work on."""

import itertools
import os

import schemathesis

from glimpse.api.jsonpatch import V20, V21

for media in (V20, V21):
    schemathesis.serializer.alias(media, "application/json")

IMAGES = os.environ.get("CONFORMANCE_IMAGES", "").split(",")
turns = itertools.count()


@schemathesis.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, object] | None
) -> dict[str, object] | None:
    """Three of four images are real ones: refusals of unknown ids are soon tested."""
    if path_parameters and "image_id" in path_parameters and (turn := next(turns)) % 4:
        return {**path_parameters, "image_id": IMAGES[turn % len(IMAGES)]}
    return path_parameters
