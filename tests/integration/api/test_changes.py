"""Lists of changes in both media types, compared with a plain model of an image."""

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.service import Api, auth

ALICE = "alice:blue:member"
MEDIA = "application/openstack-images-v2.{}-json-patch"
# Attributes that a user may set, with values that fit and values that do not.
WRITABLE: Mapping[str, tuple[list[object], list[object]]] = {
    "name": (["n", None, "x" * 255], [5, "x" * 256, [], "\0"]),
    "min_ram": ([0, 2**31 - 1], [-1, 2**31, "1", None, True, 1.5]),
    "protected": ([True, False], ["true", 1, None]),
    "os_hidden": ([True, False], ["no"]),
    "visibility": (["private", "shared", "community"], ["secret", None]),
    "tags": ([["a", "b"], []], [["x" * 256], "a", [1], None]),
    "disk_format": (["raw", None], ["floppy"]),
}
EXTRA: tuple[list[object], list[object]] = (["one", "two", ""], [None, 1, {}, "\0"])
EXTRAS = ("colour", "colour ", "Colour", "a/b", "~")
FORBIDDEN = ("status", "size", "checksum", "self", "id", "deleted", "location", "os_glance_failed_import")
OPERATIONS = st.sampled_from(["add", "replace", "remove"])


class Refused(Exception):
    """By the model, with a status code."""


@st.composite
def change(draw: st.DrawFn) -> tuple[str, str, object, bool]:
    """Operation, name, value, and whether the value fits."""
    name = draw(st.sampled_from([*WRITABLE, *EXTRAS, *EXTRAS, *FORBIDDEN, "owner"]))
    good, bad = WRITABLE.get(name, EXTRA)
    fits = draw(st.sampled_from([True, True, True, False]))
    return draw(OPERATIONS), name, draw(st.sampled_from(good if fits else bad)), fits


def model(
    image: dict[str, Any], changes: list[tuple[str, str, object, bool]], strict: bool
) -> dict[str, Any]:
    """What the image is after these changes by a member. Raises Refused."""
    for operation, name, value, fits in changes:
        if name in FORBIDDEN:
            raise Refused(403)
        # The owner is a text, or nothing.
        if operation != "remove" and not (fits or (name == "owner" and value is None)):
            raise Refused(400)
    after = dict(image)
    for operation, name, value, _ in changes:
        base = name in WRITABLE or name == "owner"
        if operation == "remove":
            if base:
                raise Refused(403)
            if name not in after:
                raise Refused(409)
            del after[name]
            continue
        if operation == "add" and strict and (base or name in after):
            raise Refused(409)
        if operation == "replace" and not base and name not in after:
            raise Refused(409)
        if name == "owner":
            raise Refused(403)
        after[name] = value
    return after


def spelled(changes: list[tuple[str, str, object, bool]], minor: int) -> list[dict[str, object]]:
    """The changes as the media type has them."""
    body = []
    for operation, name, value, _ in changes:
        path = "/" + name.replace("~", "~0").replace("/", "~1")
        element: dict[str, object] = {"op": operation, "path": path} if minor == 1 else {operation: path}
        if operation != "remove":
            element["value"] = value
        body.append(element)
    return body


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.lists(change(), max_size=5), minor=st.sampled_from([0, 1]))
def test_every_list_of_changes_does_what_the_model_says(
    api: Api, changes: list[tuple[str, str, object, bool]], minor: int
) -> None:
    image_id = api.create(ALICE, colour="blue", tags=["old"])
    before = api.show(image_id)
    try:
        expected, status = model(before, changes, strict=minor == 0), 200
    except Refused as refused:
        expected, status = before, refused.args[0]
    headers = {**auth(ALICE), "Content-Type": MEDIA.format(minor)}
    answer = api.http.patch(f"/v2/images/{image_id}", json=spelled(changes, minor), headers=headers)
    assert answer.status_code == status, answer.text
    after = api.show(image_id)
    for image in (after, expected):
        image.pop("updated_at")
        image["tags"] = sorted(image["tags"])  # type: ignore[arg-type]
    assert after == expected
