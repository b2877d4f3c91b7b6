"""Which kind of authentication a configuration asks for."""

from typing import Literal

from glimpse.access.anonymous import OrAnonymous
from glimpse.access.authenticator import Authenticator
from glimpse.access.noauth import NoAuth
from glimpse.config import Settings
from glimpse.errors import Invalid

Kind = Literal["noauth", "keystone", "http_basic"]

KINDS: tuple[Kind, ...] = ("keystone", "http_basic")
# Parts of Glance's flavors that are about the cache; image_cache_dir decides here.
OTHERS = frozenset({"", "caching", "cachemanagement"})


def kind_of(settings: Settings) -> Kind:
    """What ``[paste_deploy] flavor`` names.

    Raises Invalid for what is not known here: falling back to no authentication would open a cloud to all.
    """
    flavor = settings.paste_deploy.flavor or ""
    parts = {part.strip() for part in flavor.split("+")}
    kinds = [kind for kind in KINDS if kind in parts]
    unknown = sorted(parts.difference(KINDS, OTHERS))
    if unknown:
        raise Invalid(
            f"[paste_deploy] flavor = {flavor}: there is no {unknown[0]} here",
            hint="Write keystone or http_basic, or leave it empty for no authentication, on loopback only.",
        )
    if len(kinds) > 1:
        raise Invalid(f"[paste_deploy] flavor = {flavor}: it is either keystone or http_basic, not both")
    return kinds[0] if kinds else "noauth"


def authenticator_of(settings: Settings) -> Authenticator:
    """The authenticator for this configuration. Raises Invalid where it cannot work."""
    kind = kind_of(settings)
    if kind == "noauth":
        return NoAuth()
    found: Authenticator
    # Each is imported where it is used: they bring libraries of 20 to 40 MiB.
    if kind == "keystone":
        from glimpse.access.keystone import Keystone

        found = Keystone(settings)
    else:
        from glimpse.access.http_basic import HttpBasic

        found = HttpBasic(settings)
    return OrAnonymous(found) if settings.default.allow_anonymous_access else found
