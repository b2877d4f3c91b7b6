"""What schemathesis loads: media types that are JSON, images that exist for it to work on, and a record of what it
asked for.
"""

import itertools
import os
from pathlib import Path
from typing import Any

import schemathesis

from glimpse.api.jsonpatch import V20, V21

for media in (V20, V21):
    schemathesis.serializer.alias(media, "application/json")

IMAGES = os.environ.get("CONFORMANCE_IMAGES", "").split(",")
ASKED = Path(os.environ["CONFORMANCE_ASKED"])
turns = itertools.count()


@schemathesis.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, object] | None
) -> dict[str, object] | None:
    """Three of four images are real ones: refusals of unknown ids are soon tested."""
    if path_parameters and "image_id" in path_parameters and (turn := next(turns)) % 4:
        return {**path_parameters, "image_id": IMAGES[turn % len(IMAGES)]}
    return path_parameters


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response
) -> None:
    """Note which operation was asked for, a line for each request."""
    with ASKED.open("a") as asked:
        asked.write(f"{case.operation.label}\n")
