"""Property protection: who may create, read, update and delete which properties of images."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias, cast

from glimpse.access.caller import Caller
from glimpse.access.policy import Policy
from glimpse.access.protection_file import (
    EVERYBODY,
    NOBODY,
    BrokenProtection,
    Format,
    Operation,
    Section,
    read,
)
from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.config import Settings

Allows: TypeAlias = Callable[[Caller], bool]

# Names that are remembered with the section that decides about them. Images of a cloud share some hundreds; clients
# may invent more, which must not fill the memory.
REMEMBERED = 4096


class Protection:
    """Answers by the sections of a file, of which the first whose pattern is in the name decides. Thread-safe."""

    def __init__(self, sections: Iterable[Section], format: Format, policy: Policy) -> None:
        """Raise :class:`BrokenProtection` where a section names a policy rule that is not there."""
        self._rules = tuple(
            (section.pattern, {key: _check(section, key, format, policy) for key in section.allowed})
            for section in sections
        )
        # For each instance, so that it goes with it.
        self._rule = lru_cache(REMEMBERED)(self._first)

    @classmethod
    def of(cls, settings: Settings, policy: Policy) -> "Protection | None":
        """What the configuration asks for. Raises :class:`BrokenProtection`, naming file, section and key."""
        named = settings.default.property_protection_file
        if named is None:
            return None
        path = settings.find_file(named)
        if path is None:
            places = ", ".join(str(place) for place in settings.search_path) or "no directory"
            raise BrokenProtection(
                f"[DEFAULT] property_protection_file = {named}: there is no such file",
                hint="Write an absolute path."
                if Path(named).is_absolute()
                else f"It is looked for beside the configuration: {places}.",
            )
        format = cast(Format, settings.default.property_protection_rule_format)
        sections = read(path, format)
        try:
            return cls(sections, format, policy)
        except BrokenProtection as error:
            raise BrokenProtection(f"{path}: {error.message}", hint=error.hint) from error

    def may(self, operation: Operation, name: str, caller: Caller) -> bool:
        """Whether the caller may do this with properties of this name."""
        if name.startswith(RESERVED_PREFIX):
            return True
        rule = self._rule(name)
        return rule is not None and rule[operation](caller)

    def unreadable(self, names: Iterable[str], caller: Caller) -> frozenset[str]:
        """Those of the names whose values the caller may not know."""
        return frozenset(name for name in names if not self.may("read", name, caller))

    def _first(self, name: str) -> dict[Operation, Allows] | None:
        return next((allows for pattern, allows in self._rules if pattern.search(name)), None)


def _check(section: Section, operation: Operation, format: Format, policy: Policy) -> Allows:
    allowed = section.allowed[operation]
    if not allowed or NOBODY in allowed:
        return lambda caller: False
    if EVERYBODY in allowed:
        return lambda caller: True
    if format == "policies":
        rule = allowed[0]
        if rule not in policy:
            raise BrokenProtection(
                f"[{section.pattern.pattern}] {operation} = {rule}: there is no such policy rule",
                hint="Define it in the policy file.",
            )
        return lambda caller: policy.allows(rule, caller, {})
    roles = frozenset(allowed)
    return lambda caller: not (roles.isdisjoint(caller.roles) and roles.isdisjoint(caller.service_roles))
