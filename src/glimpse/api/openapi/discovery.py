"""What is documented of discovery and of the service itself."""

from glimpse.api.openapi.parts import Answer, Described, json, text

OPERATIONS = {
    "GET /v2/info/import": Described(
        {200: Answer("The import methods that are enabled.", json("ImportMethods"))}, (404,)
    ),
    "GET /v2/info/stores": Described({200: Answer("The stores.", json("Stores"))}, (404,)),
    "GET /v2/info/stores/detail": Described(
        {200: Answer("The stores with what they are.", json("StoresDetail"))}, (403, 404)
    ),
    "GET /v2/info/usage": Described({200: Answer("What the project uses of its limits.", json("Usage"))}),
    "GET /healthcheck": Described(
        {
            200: Answer("It answers.", {"text/plain": {"schema": text()}}),
            503: Answer(
                "It answers, but is to be asked for nothing new.", {"text/plain": {"schema": text()}}
            ),
        }
    ),
}
