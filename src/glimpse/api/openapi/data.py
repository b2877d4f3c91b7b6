"""What is documented of an image's data: upload, stage, download."""

from glimpse.api.openapi.parts import BYTES, Answer, Described, body, header, nothing, query, text

DATA = body({BYTES: {}})
SIZE = header(
    "X-OpenStack-Image-Size",
    "How many bytes the data has; other data is refused.",
    {"type": "integer", "minimum": 0},
)
STORE = header("X-Image-Meta-Store", "The store to put the data into, instead of the default one.", text())
RANGE = header("Range", "The part that is wanted, such as `bytes=0-1023`; one range only.", text())
PREFER = query("prefer", "Stores to read from if they have the data, with commas between them.", text())

OPERATIONS = {
    "PUT /v2/images/{image_id}/file": Described(
        nothing("The data is stored and the image is active."),
        (403, 404, 409, 410, 413, 415, 429),
        (SIZE, STORE),
        DATA,
    ),
    "PUT /v2/images/{image_id}/stage": Described(
        nothing("The data waits to be imported."), (403, 404, 409, 410, 413, 415, 429), (SIZE,), DATA
    ),
    "GET /v2/images/{image_id}/file": Described(
        {
            200: Answer("The data.", {BYTES: {}}, ("Content-MD5",)),
            204: Answer("The image has no data yet."),
            206: Answer("The part asked for.", {BYTES: {}}, ("Content-MD5", "Content-Range")),
        },
        (403, 404, 416, 429),
        (RANGE, PREFER),
    ),
}
