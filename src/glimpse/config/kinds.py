"""The kinds of values an option can have: what each accepts, and what it says when it does not.

They are oslo.config types, so that options made from them work wherever oslo.config's own do.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from oslo_config import types

from glimpse.config.lists import join_list, join_pairs, split_list, split_pairs

SIZES = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


class Kind(types.ConfigType):
    """A kind of value, known by its name in samples and messages."""

    def __init__(self, type_name: str) -> None:
        super().__init__(type_name=type_name)

    def _formatter(self, value: object) -> str:
        return str(value)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self.type_name


class Flag(Kind):
    """True or false, in the words oslo.config accepts."""

    def __init__(self) -> None:
        super().__init__("boolean value")

    def __call__(self, value: object) -> bool:
        """The truth meant. Raises ValueError."""
        word = str(value).strip().lower()
        if word in types.Boolean.TRUE_VALUES:
            return True
        if word in types.Boolean.FALSE_VALUES:
            return False
        raise ValueError("should be true or false")


class Amount(Kind):
    """A number within bounds; a whole one where ``of`` is int."""

    def __init__(self, of: type[int] | type[float], least: float | None, most: float | None) -> None:
        super().__init__("integer value" if of is int else "floating point value")
        self.of = of
        self.least = least
        self.most = most

    def __call__(self, value: object) -> int | float:
        """The number. Raises ValueError."""
        try:
            number = self.of(str(value).strip())
        except ValueError:
            raise ValueError(f"should be {self._wanted()}") from None
        inside = (self.least is None or number >= self.least) and (self.most is None or number <= self.most)
        if not inside or number != number or number in (float("inf"), float("-inf")):
            raise ValueError(f"should be {self._wanted()}")
        return number

    def _wanted(self) -> str:
        noun = "a whole number" if self.of is int else "a number"
        if self.least is not None and self.most is not None:
            return f"{noun} from {self.least:g} to {self.most:g}"
        if self.least is not None:
            return f"{noun}, {self.least:g} or more"
        return noun if self.most is None else f"{noun}, {self.most:g} or less"


class Size(Kind):
    """A number of bytes, written with B, KB, MB, GB, TB (powers of 1024) or without."""

    def __init__(self) -> None:
        super().__init__("size value")

    def __call__(self, value: object) -> int:
        """The number of bytes. Raises ValueError."""
        match = re.fullmatch(r"(\d+)\s*([A-Z]*)", str(value).strip().upper())
        if match is None or match[2] not in SIZES:
            raise ValueError("should be a number of bytes, or a number with KB, MB, GB or TB after it")
        return int(match[1]) * SIZES[match[2]]


class Text(Kind):
    """A text, perhaps one of a few, or of a given form."""

    def __init__(self, choices: Sequence[str] = (), form: str = "", wanted: str = "") -> None:
        super().__init__("string value")
        self.choices = tuple(choices)
        self.form = form
        self.wanted = wanted

    def __call__(self, value: object) -> str:
        """The text. Raises ValueError."""
        text = str(value).strip()
        if self.choices and text not in self.choices:
            raise ValueError(f"should be one of {', '.join(filter(None, self.choices))}")
        if self.form and re.fullmatch(self.form, text) is None:
            raise ValueError(f"should be {self.wanted}")
        return text


class Place(Kind):
    """A path; a relative one counts from where the service was started."""

    def __init__(self) -> None:
        super().__init__("path value")

    def __call__(self, value: object) -> Path:
        """The path, absolute. Raises ValueError."""
        text = str(value)
        if not text or "\0" in text:
            raise ValueError("should be a path")
        return Path(text).absolute()


class Words(Kind):
    """A list whose items are all of one kind."""

    def __init__(self, item: Callable[[object], object]) -> None:
        super().__init__("list value")
        self.item = item

    def __call__(self, value: object) -> list[object]:
        """The items. Raises ValueError."""
        items: Sequence[object] = value if isinstance(value, list | tuple) else split_list(str(value))
        return [self._checked(item) for item in items]

    def _checked(self, item: object) -> object:
        try:
            return self.item(item)
        except ValueError as error:
            raise ValueError(f"{str(item)!r} {error}") from None

    def _formatter(self, value: Any) -> str:
        return join_list(value)


class Pairs(Kind):
    """A mapping of texts to texts; ``unique`` refuses a key given twice, otherwise the last one counts."""

    def __init__(self, unique: bool = False) -> None:
        super().__init__("dict value")
        self.unique = unique

    def __call__(self, value: object) -> dict[str, str]:
        """The mapping. Raises ValueError."""
        if isinstance(value, dict):
            return {str(key): str(item) for key, item in value.items()}
        pairs = split_pairs(str(value))
        mapping = dict(pairs)
        if self.unique and len(mapping) < len(pairs):
            twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
            raise ValueError(f"{twice!r} is given twice")
        return mapping

    def _formatter(self, value: Any) -> str:
        return join_pairs(value)


class Maybe(Kind):
    """Another kind of value, or nothing: an empty text means that the option is not set."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.type_name)
        self.kind = kind

    def __call__(self, value: object) -> object:
        """The value, or None. Raises ValueError."""
        return None if value is None or str(value).strip() == "" else self.kind(value)

    def _formatter(self, value: Any) -> str:
        return self.kind._formatter(value)
