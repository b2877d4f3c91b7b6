"""The values of the options: from the files, the environment, overrides or defaults, checked."""

import functools
import os
from collections.abc import Callable
from typing import NoReturn, TypeVar, cast

from oslo_config import cfg

from glimpse.config.declare import Option, Section
from glimpse.config.error import ConfigError
from glimpse.config.files import Files, fold
from glimpse.config.lists import split_list

S = TypeVar("S", bound=Section)
T = TypeVar("T")

UNSET = (cfg.Locations.opt_default, cfg.Locations.set_default)


class Values:
    """What a configuration says, section by section."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.known: dict[str, set[str]] = {}
        self._declared: dict[tuple[str, str], Option] = {}
        self._overridden: set[tuple[str, str]] = set()
        self._conf = cfg.ConfigOpts()
        self._conf(
            args=[],
            prog="glimpse",
            project="glimpse",
            default_config_files=[str(path) for path in files.paths],
            default_config_dirs=[],
        )

    def declare(self, name: str, section: type[Section]) -> None:
        """Make the options of a section known under its name in the files, ``DEFAULT`` for the first."""
        for option in section.declared:
            self._register(name, option.oslo(), option)
            for alias in option.aliases:
                self._register(alias.section, option.oslo(name=alias.name, default=False), option)

    def _register(self, section: str, opt: cfg.Opt, option: Option) -> None:
        self._conf.register_opt(opt, group=_group(section))
        self.known.setdefault(fold(section), set()).add(opt.name)
        self._declared[fold(section), opt.name] = option

    def default(self, section: str, option: str, value: object) -> None:
        """Change what holds where nothing is said."""
        self._conf.set_default(option, value, group=_group(section))

    def override(self, section: str, option: str, value: object) -> None:
        """Let ``value`` hold whatever the files say. Raises ConfigError."""
        declared = self._declared.get((fold(section), option))
        if declared is None:
            raise ConfigError(f"command line: there is no option [{section}] {option}")
        self._overridden.add((fold(section), option))
        if declared.multi and isinstance(value, str):
            value = [value]
        set_override = functools.partial(self._conf.set_override, option, value, group=_group(section))
        self._guarded(section, option, set_override)

    def overridden(self, section: str, option: str) -> bool:
        """Whether an override holds."""
        return (fold(section), option) in self._overridden

    def section(self, name: str, section: type[S]) -> S:
        """The options of a section, checked. Raises ConfigError."""
        found = {option.name: self._value(name, option) for option in section.declared}
        return cast(Callable[..., S], section)(**found)

    def is_set(self, section: str, option: str) -> bool:
        """Whether anybody said anything about an option. Raises ConfigError."""
        where = self._guarded(section, option, lambda: self._conf.get_location(option, group=_group(section)))
        return isinstance(where, cfg.LocationInfo) and where.location not in UNSET

    def _value(self, section: str, option: Option) -> object:
        names = [(section, option.name), *((alias.section, alias.name) for alias in option.aliases)]
        place, name = next((names for names in names if self.is_set(*names)), names[0])
        variable = os.environ.get(_variable(place, name))
        if option.multi and variable is not None:
            # oslo.config would take each letter of it for a value.
            return tuple(self._guarded(place, name, lambda: split_list(variable)))
        value = self._guarded(place, name, lambda: self._get(place, name))
        return tuple(value) if isinstance(value, list) else value

    def _get(self, section: str, option: str) -> object:
        group = _group(section)
        return self._conf[option] if group is None else self._conf[group][option]

    def _guarded(self, section: str, option: str, get: Callable[[], T]) -> T:
        try:
            return get()
        except RecursionError:
            self._refuse(section, option, "refers to itself")
        except cfg.NoSuchOptError as error:
            word = "another option" if self._secret(section, option) else f"${error.opt_name}"
            self._refuse(
                section, option, f"refers to {word}, which is not there; for a dollar sign, write $$"
            )
        except cfg.Error as error:
            # oslo.config wraps what the kind said into a sentence of its own, without file or section.
            self._refuse(section, option, str(error.__context__ or error))
        except ValueError as error:
            self._refuse(section, option, str(error))

    def _secret(self, section: str, option: str) -> bool:
        declared = self._declared.get((fold(section), option))
        return declared is None or declared.secret

    def _refuse(self, section: str, option: str, problem: str) -> NoReturn:
        """Say that what is written for an option is wrong, with what is written where it is no secret."""
        where, origin = self.whence(section, option), self.files.last(section, option)
        shown = ""
        if origin is not None and str(origin) == where and not self._secret(section, option):
            shown = f" = {' '.join(origin.text.split())[:60]}"
        raise ConfigError(f"{where}: [{section}] {option}{shown}: {' '.join(problem.split())}")

    def fail(self, section: str, option: str, problem: str, *, where: str = "") -> NoReturn:
        """Say what is wrong with an option, and who set it. Raises ConfigError, always."""
        raise ConfigError(f"{where or self.whence(section, option)}: [{section}] {option} {problem}")

    def whence(self, section: str, option: str) -> str:
        """Where the value of an option comes from, for messages."""
        if self.overridden(section, option):
            return "command line"
        variable = _variable(section, option)
        if variable in os.environ:
            return f"environment variable {variable}"
        return str(self.files.last(section, option) or "configuration")


def _variable(section: str, option: str) -> str:
    return f"OS_{section.upper()}__{option.upper()}"


def _group(section: str) -> str | None:
    return None if section == "DEFAULT" else fold(section)
