"""An import request: the body of ``POST /v2/images/{id}/import``, parsed and checked for form.

What depends on the image, the caller or the configuration is checked in :mod:`glimpse.imports.service`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glimpse.errors import Invalid


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the caller asked for. ``stores`` as it is in the body, where it may be anything; None where it is not."""

    method: str
    parameters: Mapping[str, object]
    stores: object
    all_stores: bool
    all_stores_must_succeed: bool
    body: Mapping[str, object]

    @property
    def uri(self) -> str | None:
        """The address that ``web-download`` fetches."""
        uri = self.parameters.get("uri")
        return uri if isinstance(uri, str) else None


def parse(body: object, enabled_methods: Sequence[str]) -> ImportRequest:
    """The request in ``body`` (decoded JSON).

    Raises Invalid for the first thing that is wrong: method, its name, the booleans.
    """
    if not isinstance(body, dict):
        raise Invalid("The body of an import request must be a JSON object.")
    method = body.get("method")
    if not isinstance(method, dict):
        raise Invalid("'method' is a required field and must be an object with a 'name'.")
    name = method.get("name")
    if not isinstance(name, str):
        raise Invalid("'name' is a required field of 'method' and must be a string.")
    if name not in enabled_methods:
        raise Invalid(
            f"Unknown import method name {name!r}.",
            hint=f"Enabled here: {', '.join(enabled_methods) or 'none'}.",
        )
    must_succeed = _boolean(body, "all_stores_must_succeed", default=True)
    all_stores = _boolean(body, "all_stores", default=False)
    return ImportRequest(
        method=name,
        parameters={key: value for key, value in method.items() if key != "name"},
        stores=body.get("stores"),
        all_stores=all_stores,
        all_stores_must_succeed=must_succeed,
        body=body,
    )


def _boolean(body: Mapping[str, object], key: str, *, default: bool) -> bool:
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise Invalid(f"{key!r} must be true or false, not {value!r}.")
    return value
