"""What is documented of the schemas that clients download."""

from glimpse.api.openapi.parts import Answer, Described, json

OPERATIONS = {
    f"GET /v2/schemas/{name}": Described({200: Answer("The schema.", json("Schema"))})
    for name in ("image", "images", "member", "members", "task", "tasks")
}
