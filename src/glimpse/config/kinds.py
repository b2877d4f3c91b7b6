"""The kinds of values an option can have: what each accepts, and what it says when it does not.

They are oslo.config types, so that options made from them work wherever oslo.config's own do.
"""

import math
import re
from collections.abc import Sequence
from ipaddress import IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from oslo_config import types

from glimpse.config.lists import join_list, join_pairs, split_list, split_pairs

UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


# IPv6 as the kernel shows IPv4; connections are judged by the IPv4 address inside.
_MAPPED = IPv6Network("::ffff:0:0/96")


class Kind(types.ConfigType):
    """A kind of value: its name in samples, and what should be written, in words for messages and manuals."""

    def __init__(self, type_name: str, wanted: str) -> None:
        super().__init__(type_name=type_name)
        self.wanted = wanted

    def refused(self) -> ValueError:
        """The error for a text that is not of this kind."""
        return ValueError(f"should be {self.wanted}")

    def written(self, value: Any) -> str:
        """The value as a person would write it in a file."""
        return str(value)

    def _formatter(self, value: Any) -> str:
        return self.written(value)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # as oslo.config's own types

    def __repr__(self) -> str:
        return self.wanted


class Flag(Kind):
    """True or false, in the words that oslo.config accepts."""

    def __init__(self) -> None:
        super().__init__("boolean value", "true or false")

    def __call__(self, value: object) -> bool:
        """The truth meant. Raises ValueError."""
        word = str(value).strip().lower()
        if word in types.Boolean.TRUE_VALUES:
            return True
        if word in types.Boolean.FALSE_VALUES:
            return False
        raise self.refused()


class Amount(Kind):
    """A number within bounds, or 0 where ``or_zero``; a whole one where ``of`` is int."""

    def __init__(
        self, of: type[int] | type[float], least: float | None, most: float | None, or_zero: bool = False
    ) -> None:
        noun, name = (
            ("a whole number", "integer value") if of is int else ("a number", "floating point value")
        )
        if least is not None and most is not None:
            noun = f"{noun} from {least:g} to {most:g}"
        elif least is not None:
            noun = f"{noun}, {least:g} or more"
        elif most is not None:
            noun = f"{noun}, {most:g} or less"
        super().__init__(name, f"{noun}, or 0" if or_zero else noun)
        self.of = of
        self.least = -math.inf if least is None else least
        self.most = math.inf if most is None else most
        self.or_zero = or_zero

    def __call__(self, value: object) -> int | float:
        """The number. Raises ValueError."""
        try:
            number = self.of(str(value).strip())
        except ValueError:
            raise self.refused() from None
        within = self.least <= number <= self.most and math.isfinite(number)
        if not within and not (self.or_zero and number == 0):
            raise self.refused()
        return number


class Size(Kind):
    """A number of bytes, with B, KB, MB, GB or TB (powers of 1024) or without."""

    def __init__(self, least: float | None = None) -> None:
        super().__init__("size value", "a number of bytes, with KB, MB, GB or TB where wished")
        self.least = 0 if least is None else int(least)
        if self.least:
            self.wanted += f", at least {self.least}"

    def __call__(self, value: object) -> int:
        """The number of bytes. Raises ValueError."""
        match = re.fullmatch(r"([0-9]{1,20})\s*([A-Z]*)", str(value).strip().upper())
        if match is None or match[2] not in UNITS or int(match[1]) * UNITS[match[2]] < self.least:
            raise self.refused()
        return int(match[1]) * UNITS[match[2]]

    def written(self, value: Any) -> str:
        """The size in the largest unit that gives a whole number."""
        unit = next((unit for unit in ("TB", "GB", "MB", "KB") if value and value % UNITS[unit] == 0), "")
        return f"{value // UNITS[unit]}{unit}"


class Text(Kind):
    """A text, perhaps one of a few, or of a given form."""

    def __init__(self, choices: Sequence[str] = (), form: str = "", wanted: str = "a text") -> None:
        super().__init__("string value", f"one of {', '.join(filter(None, choices))}" if choices else wanted)
        self.choices = tuple(choices)
        self.form = form

    def __call__(self, value: object) -> str:
        """The text. Raises ValueError."""
        text = str(value).strip()
        if self.choices and text not in self.choices:
            raise self.refused()
        if self.form and re.fullmatch(self.form, text) is None:
            raise self.refused()
        return text


class Place(Kind):
    """A path; a relative one counts from where the service was started."""

    def __init__(self) -> None:
        super().__init__("path value", "a path")

    def __call__(self, value: object) -> Path:
        """The path, absolute. Raises ValueError."""
        text = str(value).strip()
        if not text or "\0" in text:
            raise self.refused()
        return Path(text).absolute()


class Network(Kind):
    """A range of addresses, or one address."""

    def __init__(self) -> None:
        super().__init__("network value", "a network such as 10.0.0.0/8 or fd00::/8, or one address")

    def __call__(self, value: object) -> str:
        """The network in canonical form. Raises ValueError."""
        text = str(value).strip()
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise self.refused() from None
        address = text.partition("/")[0]
        if network.prefixlen < network.max_prefixlen and ip_address(address) != network.network_address:
            raise ValueError(f"begins in the middle; should it be {network}?")
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
            raise ValueError("should be written as the IPv4 network that it means")
        return str(network)


class Words(Kind):
    """A list whose items are all of one kind."""

    def __init__(self, item: Kind) -> None:
        plain = item.wanted == "a text"
        super().__init__("list value", "a list" if plain else f"a list, each item {item.wanted}")
        self.item = item

    def __call__(self, value: object) -> list[object]:
        """The items. Raises ValueError."""
        items: Sequence[object] = value if isinstance(value, list | tuple) else split_list(str(value))
        return [self._checked(item) for item in items]

    def _checked(self, item: object) -> object:
        try:
            return self.item(item)
        except ValueError as error:
            raise ValueError(f"{item} {error}") from None

    def written(self, value: Any) -> str:
        """The items in brackets."""
        return join_list(value)


class Pairs(Kind):
    """A mapping of texts to texts; ``unique`` refuses a key given twice, otherwise the last one counts."""

    def __init__(self, unique: bool = False) -> None:
        super().__init__("dict value", "key:value pairs")
        self.unique = unique

    def __call__(self, value: object) -> dict[str, str]:
        """The mapping. Raises ValueError."""
        if isinstance(value, dict):
            return {str(key): str(item) for key, item in value.items()}
        pairs = split_pairs(str(value))
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice and self.unique:
            raise ValueError(f"names {twice[0]} twice")
        return dict(pairs)

    def written(self, value: Any) -> str:
        """The pairs, with quotes where they are needed."""
        return join_pairs(value)


class Maybe(Kind):
    """Another kind of value, or nothing: an empty text means that the option is not set."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.type_name, kind.wanted)
        self.kind = kind

    def __call__(self, value: object) -> object:
        """The value, or None. Raises ValueError."""
        return None if value is None or str(value).strip() == "" else self.kind(value)

    def written(self, value: Any) -> str:
        """The value as its own kind writes it."""
        return self.kind.written(value)
