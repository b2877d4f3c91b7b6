"""What is documented of members, tags and actions."""

from glimpse.api.openapi.parts import Answer, Described, body, json, nothing

IMAGE = "/v2/images/{image_id}"
MEMBER = f"{IMAGE}/members/{{member_id}}"
TAG = f"{IMAGE}/tags/{{tag}}"

OPERATIONS = {
    f"POST {IMAGE}/members": Described(
        {200: Answer("The member.", json("Member"))},
        (403, 404, 409, 413),
        body=body(json("MemberCreate")),
    ),
    f"GET {IMAGE}/members": Described({200: Answer("The members.", json("Members"))}, (403, 404)),
    f"GET {MEMBER}": Described({200: Answer("The member.", json("Member"))}, (403, 404)),
    f"PUT {MEMBER}": Described(
        {200: Answer("The member as it is now.", json("Member"))},
        (403, 404),
        body=body(json("MemberUpdate")),
    ),
    f"DELETE {MEMBER}": Described(nothing("The image is no longer shared with this project."), (403, 404)),
    f"PUT {TAG}": Described(nothing("The image has this tag."), (403, 404, 413)),
    f"DELETE {TAG}": Described(nothing("The image has this tag no longer."), (403, 404)),
    f"POST {IMAGE}/actions/deactivate": Described(
        nothing("The data can be downloaded by administrators only."), (403, 404)
    ),
    f"POST {IMAGE}/actions/reactivate": Described(nothing("The data can be downloaded again."), (403, 404)),
}
