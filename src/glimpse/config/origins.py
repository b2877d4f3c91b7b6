"""``[cors]`` and the sections ``[cors.NAME]``: other origins with rules of their own."""

from collections.abc import Iterable

from glimpse.config.files import fold
from glimpse.config.options.http import Cors
from glimpse.config.values import Values

PREFIX = "cors."


def declare(values: Values, overridden: Iterable[str]) -> tuple[str, ...]:
    """Make the sections of other origins known, those of the files and those that only an override names."""
    named = {fold(name) for name in (*values.files.sections, *overridden)}
    found = tuple(sorted(name for name in named if name.startswith(PREFIX) and name != PREFIX))
    for name in found:
        values.declare(name, Cors)
    return found


def rules(values: Values, names: Iterable[str], general: Cors) -> tuple[Cors, ...]:
    """The rules of each section; what one of the others does not say holds as in ``[cors]``, but for its origins.

    Raises ConfigError.
    """
    found = [general]
    for name in names:
        for option in Cors.declared:
            value = getattr(general, option.name)
            if option.name != "allowed_origin":
                values.default(name, option.name, list(value) if isinstance(value, tuple) else value)
        found.append(values.section(name, Cors))
    return tuple(found)
