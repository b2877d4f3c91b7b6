"""What is documented of imports."""

from glimpse.api.openapi.data import STORE
from glimpse.api.openapi.parts import Answer, Described, body, json

OPERATIONS = {
    "POST /v2/images/{image_id}/import": Described(
        {202: Answer("The import has begun; it goes on after this answer.")},
        (403, 404, 409, 413),
        (STORE,),
        body(json("ImportRequest")),
    ),
    "GET /v2/images/{image_id}/import": Described(
        {200: Answer("How far the newest import is.", json("Import"))}, (404,)
    ),
    "GET /v2/images/{image_id}/tasks": Described(
        {200: Answer("The image's imports as tasks.", json("ImageTasks"))}, (404,)
    ),
}
