"""How an option is declared: once, as an annotated field with its default, in the class of its section.

::

    class Task(Section):
        "What becomes of tasks."

        task_time_to_live: Annotated[int, "Hours a finished task is kept.", Range(0)] = 48

The first text in the annotation is the help. The field's type decides what is accepted; :class:`Range`,
:class:`Choices` and the like narrow it. The class itself, frozen, is what the rest of the service is given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

from oslo_config import cfg

from glimpse.config.kinds import Amount, Flag, Kind, Maybe, Network, Pairs, Place, Size, Text, Words


@dataclass(frozen=True)
class Range:
    """The least and the most a number may be; ``or_zero``: 0 is allowed besides, which turns something off."""

    least: float | None = None
    most: float | None = None
    or_zero: bool = False


@dataclass(frozen=True, init=False)
class Choices:
    """The only texts allowed; of a list, for each item."""

    words: tuple[str, ...]

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)


@dataclass(frozen=True)
class Form:
    """The regular expression that the whole text must match, and what to call such a text."""

    regex: str
    wanted: str


@dataclass(frozen=True)
class Alias:
    """An older name that existing files use; the option's own name wins where both are set."""

    section: str
    name: str


@dataclass(frozen=True)
class Shown:
    """What samples and the reference show instead of the default, where that depends on the installation."""

    text: str


@dataclass(frozen=True)
class Mark:
    """A plain yes about an option."""

    name: str


SECRET = Mark("secret")  # never shown
MULTI = Mark("multi")  # may be given several times; each line adds one value
UNIQUE = Mark("unique")  # of pairs: no key twice
OWNED = Mark("owned")  # a library that the service uses declares it in oslo.config's CONF itself
UNUSED = Mark(
    "unused"
)  # existing files have it; without effect in this version, as whoever sets it is warned
NETWORK = Mark("network")  # of a text: addresses, as 10.0.0.0/8
BYTES = Mark("bytes")  # of a number: KB, MB, GB and TB may follow

MASK = "***"


@dataclass(frozen=True)
class Option:
    """One option, as declared."""

    name: str
    kind: Kind
    default: object
    help: str
    rules: tuple[object, ...]

    @property
    def secret(self) -> bool:
        """Whether its value must never be shown."""
        return SECRET in self.rules

    @property
    def multi(self) -> bool:
        """Whether each line that sets it adds a value."""
        return MULTI in self.rules

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """Older names of it."""
        return tuple(rule for rule in self.rules if isinstance(rule, Alias))

    @property
    def shown_default(self) -> str:
        """The default as a person would write it; empty where there is none."""
        for rule in self.rules:
            if isinstance(rule, Shown):
                return rule.text
        if self.default is None or self.default == () or self.default == {}:
            return ""
        return self.kind.written(self.default)

    def oslo(self, *, name: str = "", default: bool = True) -> cfg.Opt:
        """The same for oslo.config, under another name or without its default where asked."""
        make = cfg.MultiOpt if self.multi else cfg.Opt
        arguments: dict[str, Any] = {"item_type" if self.multi else "type": self.kind}
        value = list(self.default) if isinstance(self.default, tuple) else self.default
        return make(
            name or self.name,
            default=value if default else None,
            help=self.help,
            secret=self.secret,
            sample_default=self.shown_default or None,
            **arguments,
        )


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Section:
    """The base of every section: makes the subclass a frozen dataclass that hides its secrets when shown.

    ``owner`` is the library that reads the section too: it declares its options in oslo.config's CONF itself,
    and may know further ones. ``declared`` are the options, in their order.
    """

    owner: ClassVar[str] = ""
    declared: ClassVar[tuple[Option, ...]] = ()

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.declared = tuple(_options(cls))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._shown())})"

    def _shown(self) -> Iterator[str]:
        for option in self.declared:
            value = getattr(self, option.name)
            yield f"{option.name}={MASK if option.secret and value else repr(value)}"


def _options(section: type[Section]) -> Iterator[Option]:
    """The options that the fields of a section declare."""
    hints = get_type_hints(section, include_extras=True)
    for field in fields(section):  # type: ignore[arg-type]
        hint, *rules = get_args(hints[field.name])
        told = [rule for rule in rules if isinstance(rule, str)]
        help = " ".join([*told, "Has no effect in this version."] if UNUSED in rules else told)
        rules = [rule for rule in rules if not isinstance(rule, str)]
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        yield Option(field.name, _kind(hint, rules), default, help, tuple(rules))


def _kind(hint: Any, rules: list[Any]) -> Kind:
    """The kind of value that a field's type and its rules ask for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _kind(arguments[0], [*arguments[1:], *rules])
    if origin in (UnionType, Union):
        return Maybe(_kind(arguments[0], rules))
    if origin is tuple:
        item = _kind(arguments[0], rules)
        return item if MULTI in rules else Words(item)
    if hint is bool:
        return Flag()
    if hint is Path:
        return Place()
    if hint is str and NETWORK in rules:
        return Network()
    if hint is str:
        choices = next((rule.words for rule in rules if isinstance(rule, Choices)), ())
        form = next((rule for rule in rules if isinstance(rule, Form)), Form("", "a text"))
        return Text(choices, form.regex, form.wanted)
    if hint in (int, float):
        bounds = next((rule for rule in rules if isinstance(rule, Range)), Range())
        return (
            Size(bounds.least) if BYTES in rules else Amount(hint, bounds.least, bounds.most, bounds.or_zero)
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Pairs(unique=UNIQUE in rules)
    raise TypeError(f"no option can be of the type {hint}")
