"""What is documented of locations."""

from glimpse.api.openapi.parts import Answer, Described, body, json, nothing

LOCATIONS = "/v2/images/{image_id}/locations"

OPERATIONS = {
    f"GET {LOCATIONS}": Described({200: Answer("Where the data is.", json("Locations"))}, (403, 404)),
    f"POST {LOCATIONS}": Described(
        {202: Answer("The location is being added; this goes on after the answer, as a task.")},
        (403, 404, 409),
        body=body(json("LocationCreate")),
    ),
    "DELETE /v2/stores/{store_id}/{image_id}": Described(
        nothing("The data is no longer in this store."), (403, 404, 409)
    ),
}
