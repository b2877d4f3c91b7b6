"""What an import has to know and nobody may read: passwords in addresses, signatures, its caller's token.

The record keeps the request as it may be shown, and the rest encrypted (:mod:`glimpse.access.keyring`) until the import
ends. In between only a conductor reads it.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from glimpse.access import redact
from glimpse.access.caller import Caller
from glimpse.access.keyring import KeyRing, KeyRingUnusable
from glimpse.access.secret import Secret
from glimpse.catalog.records import ImportRecord, NewImport

_ADDRESS = re.compile(r"[^:/?#]+://(?:([^/?#]*)@)?[^?#]*(?:\?([^#]*))?")


@dataclass(frozen=True, slots=True)
class Kept:
    """``request`` is what the caller asked for, word for word. ``token`` and ``catalog`` (the services that it leads to,
    JSON in the form of the header ``X-Service-Catalog``) are there where somebody needs them.
    """

    request: Mapping[str, object] = field(repr=False)
    token: Secret | None = None
    catalog: str | None = field(default=None, repr=False)
    hidden: tuple[Secret, ...] = ()
    """What is secret in the request: as long as this exists, no log or message has it."""


def seal(new: NewImport, caller: Caller, keys: KeyRing, *, keeps_token: bool = False) -> NewImport:
    """The import as it may be kept. Raises KeyRingUnusable, where there is anything to encrypt."""
    shown = redact.value(new.request)
    assert isinstance(shown, Mapping)
    secret: dict[str, object] = {}
    if shown != new.request:
        secret["request"] = dict(new.request)
    if keeps_token and caller.token is not None:
        secret |= {"token": caller.token.reveal(), "catalog": caller.catalog}
    if not secret:
        return new
    # Under its id: sealed for one import, it is of no use to another.
    import_id = new.id or str(uuid.uuid4())
    sealed = keys.seal(json.dumps({"import": import_id, **secret}).encode())
    return replace(new, id=import_id, request=shown, sealed=sealed)


def unseal(record: ImportRecord, keys: KeyRing) -> Kept:
    """What :func:`seal` was given. Raises KeyRingUnusable."""
    if record.sealed is None:
        return Kept(record.request)
    known = json.loads(keys.open(record.sealed))
    if known["import"] != record.id:
        raise KeyRingUnusable(
            f"What import {record.id} should keep secret belongs to import {known['import']}."
        )
    request = known.get("request", record.request)
    token = known.get("token")
    return Kept(
        request, None if token is None else Secret(token), known.get("catalog"), tuple(_secrets(request))
    )


def _secrets(given: object) -> Iterator[Secret]:
    """The passwords and queries of the addresses in a JSON value, in every form in which they are sent."""
    if isinstance(given, str):
        found = _ADDRESS.match(given)
        userinfo, query = found.groups() if found else (None, None)
        password = (userinfo or "").partition(":")[2]
        yield from (Secret(each) for each in {password, unquote(password), query or ""} if each)
    elif isinstance(given, Mapping):
        for each in given.values():
            yield from _secrets(each)
    elif isinstance(given, list):
        for each in given:
            yield from _secrets(each)
