"""Inputs that parsers do not expect: good ones with some of their parts wrong, and long ones that are hostile."""

import os
import random
from collections.abc import Iterator
from typing import TypeVar

from hypothesis import HealthCheck, settings

# ``make fuzz`` raises it. What is found with few is the same at each run; with many, it is new each time.
EXAMPLES = int(os.environ.get("GLIMPSE_FUZZ_EXAMPLES", "50"))
LONG = EXAMPLES > 1000
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

Input = TypeVar("Input", str, bytes)

# What parsers have stumbled over: ends and quotes, numbers that are none, digits of other scripts, half characters.
TOKENS = (
    "", "\0", "\n", "\r\n", " ", "\t", "/", "//", "\\", '"', "'", "[", "]", "{", "}", "(", ")", ",", ";", ":", "=", "~",
    "%", "%zz", "%00", "%2f", "@", "!", "..", "-", "-1", "+", "0", "0x", "99999999999999999999", "9" * 400, "9" * 5000,
    "1e999", "NaN", "Infinity", "null", "true", "é", "ß", "İ", "٣", "²", "😀", "\ud800", "\ufeff", "\u2028", "xn--",
    "?" * 100, "a" * 300, "(?:a*)*", "[" * 2000,
)  # fmt: skip


def mutated(chance: random.Random, seeds: list[Input]) -> Input:
    """One of the seeds after some changes: parts gone, doubled, moved from another seed, or replaced by a token."""
    text = chance.choice(seeds)
    for _ in range(chance.randrange(5)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 1, 2, 4, 8, 30)))
        match chance.randrange(6):
            case 0:
                new = text[:0]
            case 1:
                new = text[start:end] * 2
            case 2:
                other = chance.choice(seeds)
                at = chance.randrange(len(other) + 1)
                new = other[at : at + chance.randrange(1, 40)]
            case 3:
                new = text[chance.randrange(len(text) + 1) :][: chance.randrange(1, 10)]
            case _:
                new = _token(chance, text)
        text = text[:start] + new + text[end:]
    return text


def _token(chance: random.Random, like: Input) -> Input:
    if isinstance(like, str):
        return chance.choice(TOKENS)
    if chance.random() < 0.7:
        return chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\1")) * chance.choice((1, 1, 1, 2, 4, 8))
    return chance.choice(TOKENS).encode(errors="surrogatepass")


def hostile(seeds: list[Input], size: int) -> Iterator[Input]:
    """Long inputs that would take a parser, which looks twice at what it has seen, the square of their length."""
    for seed in seeds:
        if not seed:
            continue
        yield seed * (size // len(seed))
        marks = {seed[at : at + 1] for at in range(len(seed))}
        for mark in sorted(marks, key=_rarity)[:8] + sorted(marks)[-1:]:
            filling = mark * size
            yield filling
            yield seed[: len(seed) // 2] + filling + seed[len(seed) // 2 :]
            yield seed + filling


def _rarity(mark: str | bytes) -> tuple[bool, object]:
    """Signs before letters and digits: they are what a parser looks for."""
    return mark.isalnum(), mark
