"""The list and pair syntax of configuration values: with or without brackets, with or without quotes.

What people write for a list: ``a, b`` · ``[a, b]`` · ``['a', "b"]`` · ``[]`` · nothing. For pairs:
``k:v,k2:v2`` · ``"k":"v","k2":"v2"`` · ``{k: v}``. Line breaks separate like commas. Inside quotes, commas
mean themselves.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

QUOTES = "\"'"
_SPACE = " \t\r"
_BREAKS = ",\n"

T = TypeVar("T")


def split_list(text: str) -> list[str]:
    """The items of a list; empty items that are not quoted are left out. Raises ValueError."""
    return _read(text.strip(), _items)


def split_pairs(text: str) -> list[tuple[str, str]]:
    """Key and value of each pair, in order; a value keeps its further colons. Raises ValueError."""
    text = text.strip()
    return _read(text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text, _pairs)


def join_list(items: Iterable[object]) -> str:
    """The text that ``split_list`` reads as these items (none of which holds both kinds of quotes)."""
    return "[" + ", ".join(_quote(str(item), _BREAKS) for item in items) + "]"


def join_pairs(pairs: Mapping[str, object]) -> str:
    """The text that ``split_pairs`` reads as these pairs (none of which holds both kinds of quotes)."""
    return ", ".join(f"{_quote(key, ':,' + chr(10))}:{_quote(str(pairs[key]), _BREAKS)}" for key in pairs)


def _quote(word: str, special: str) -> str:
    plain = word and word == word.strip() and not any(char in word for char in special + QUOTES + "[]{}")
    if plain:
        return word
    quote = "'" if '"' in word else '"'
    return f"{quote}{word}{quote}"


def _read(text: str, parse: Callable[[str], list[T]]) -> list[T]:
    """Parse ``text``; when its quotes do not fit, with the outermost pair put back.

    oslo.config takes a quote off both ends of a value that begins and ends with the same one, so that what
    was written as ``"a":"b"`` arrives as ``a":"b``.
    """
    try:
        return parse(text)
    except ValueError:
        for quote in QUOTES:
            if quote in text:
                try:
                    return parse(f"{quote}{text}{quote}")
                except ValueError:
                    continue
        raise


def _bracketed(text: str) -> bool:
    """Whether the whole of ``text`` is in one pair of brackets (``[::1],[::2]`` is not)."""
    depth, quote = 0, ""
    if text[:1] != "[":
        return False
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in QUOTES:
            quote = char
        else:
            depth += (char == "[") - (char == "]")
        if depth == 0:
            return position == len(text) - 1
    # A quote that is never closed is a mistake of its own, which the reader of the items explains.
    return quote != "" and text[-1:] == "]"


def _items(text: str) -> list[str]:
    text = text[1:-1] if _bracketed(text) else text
    items = []
    position = 0
    while position <= len(text):
        item, quoted, position = _token(text, position, _BREAKS)
        if not quoted:
            _plain(item)
        if item or quoted:
            items.append(item)
        position += 1
    return items


def _plain(word: str) -> None:
    """Refuse a word without quotes around it that looks like a slip of the pen."""
    if any(quote in word for quote in QUOTES):
        raise ValueError(f"the quotes of {word!r} do not go around it")
    if word.count("[") != word.count("]"):
        raise ValueError(f"the brackets of {word!r} do not fit")


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    position = 0
    while position <= len(text):
        key, quoted, position = _token(text, position, ":" + _BREAKS)
        if position < len(text) and text[position] == ":":
            value, _, position = _token(text, position + 1, _BREAKS)
        elif not key:
            position += 1
            continue
        elif quoted and ":" in key:  # the quotes go around the whole pair
            key, _, value = (part.strip() for part in key.partition(":"))
        else:
            raise ValueError(f"{key!r} should be a pair, key:value")
        if not key:
            raise ValueError(f"the value {value!r} has no key before its colon")
        pairs.append((key, value))
        position += 1
    return pairs


def _token(text: str, position: int, stops: str) -> tuple[str, bool, int]:
    """The word at ``position``, whether it was quoted, and where the stop after it (or the end) is."""
    position = _skip(text, position)
    if position < len(text) and text[position] in QUOTES:
        end = text.find(text[position], position + 1)
        if end < 0:
            raise ValueError(f"the quote before {text[position + 1 : position + 31]!r} is never closed")
        after = _skip(text, end + 1)
        if after < len(text) and text[after] not in stops:
            raise ValueError(f"a comma is missing before {text[after : after + 30]!r}")
        return text[position + 1 : end], True, after
    found = re.compile(f"[{stops}]").search(text, position)
    end = found.start() if found else len(text)
    word = text[position:end].strip()
    if word and word[-1] in QUOTES:
        raise ValueError(f"the quote after {word[:-1]!r} was never opened")
    return word, False, end


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position
