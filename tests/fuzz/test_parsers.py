"""Parsers let out their own errors only, take time in proportion to their input, and keep nothing of it."""

import gc
import random
import re
import time
import tracemalloc
from functools import lru_cache
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.inputs import EXAMPLES, FUZZ, LONG, hostile, mutated
from tests.fuzz.parsers import PARSERS, Parser

# Below this the clock says nothing about how time grows; above, twice the input may take so many times as long.
NOISE_SECONDS = 0.05
TIMES = 3.2
# Caches of the standard library fill up, in the first passes and now and then later. A leak grows in each pass, so the
# pass in which least was kept is the one that counts. Each has inputs of its own: what is remembered by its input would
# not grow with those that it knows.
PASSES = 4
INPUTS = 5000 if LONG else 200
# Of each input. No parser comes to 8; a list that keeps a hundred bytes of each comes to more than 100.
KEPT_BYTES = 32

HOSTILE = {name: parser for name, parser in PARSERS.items() if parser.longest}

# The operator's regular expressions may be odd ones.
pytestmark = pytest.mark.filterwarnings("ignore:Possible (nested set|set):FutureWarning")
every = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)


@every
@FUZZ
@given(data=st.data())
def test_whatever_comes_in_only_its_own_errors_come_out(parser: Parser, data: st.DataObject) -> None:
    anything = st.text(max_size=300) if isinstance(parser.seeds[0], str) else st.binary(max_size=300)
    changed = st.builds(mutated, st.randoms(use_true_random=False), st.just(parser.seeds))
    read(parser, cast("str | bytes", data.draw(st.one_of(changed, changed, changed, anything))))


@every
def test_many_more_of_them(parser: Parser) -> None:
    chance = random.Random(None if LONG else 1)
    for _ in range(EXAMPLES if parser.slow else EXAMPLES * 10):
        read(parser, mutated(chance, parser.seeds))


@pytest.mark.parametrize("parser", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_input_takes_twice_the_time(parser: Parser) -> None:
    size = parser.longest
    for short, long in zip(hostile(parser.seeds, size // 2), hostile(parser.seeds, size), strict=True):
        # The processor's time, which others on the machine do not change; at its best of several.
        spent = seconds(parser, long)
        if spent > NOISE_SECONDS:
            before = min(seconds(parser, short) for _ in range(3))
            spent = min(spent, seconds(parser, long), seconds(parser, long))
            assert spent < max(NOISE_SECONDS, TIMES * before), (
                f"{long[:60]!r}…: {before:.2f} s, {spent:.2f} s"
            )


@every
def test_nothing_is_kept_of_what_was_read(parser: Parser) -> None:
    assert kept_of_each(parser) < KEPT_BYTES


@pytest.mark.parametrize("slow", [False, True])
def test_a_parser_that_keeps_a_hundred_bytes_of_each_would_be_found(slow: bool) -> None:
    seeds = [bytes(range(200))]
    listed: list[bytes] = []
    assert kept_of_each(Parser(lambda data: listed.append(data[:100]), seeds, slow=slow)) > KEPT_BYTES
    # Not told apart from the first pass, where the passes had the same inputs.
    remembered = lru_cache(None)(bytes.upper)
    assert kept_of_each(Parser(lambda data: remembered(data[:100]), seeds, slow=slow)) > KEPT_BYTES


def kept_of_each(parser: Parser) -> float:
    """Bytes that are still in use after an input, in the pass with the least of them."""
    chance = random.Random(2)
    inputs = INPUTS // 10 if parser.slow else INPUTS
    sizes = []
    tracemalloc.start()
    try:
        for _ in range(1 + PASSES):
            for _ in range(inputs):
                read(parser, mutated(chance, parser.seeds))
            sizes.append(held())
    finally:
        tracemalloc.stop()
    return min(after - before for before, after in pairwise(sizes)) / inputs


def held() -> int:
    """How many bytes are in use, without the patterns that re remembers, some hundred."""
    re.purge()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def read(parser: Parser, given_: str | bytes) -> None:
    try:
        parser.read(given_)
    except parser.errors:
        return
    except RecursionError:
        # Its own traceback is too long to be shown.
        raise AssertionError(f"a recursion without end for {given_[:300]!r}") from None
    except Exception as error:
        raise AssertionError(f"{given_[:1000]!r}") from error


def seconds(parser: Parser, given_: str | bytes) -> float:
    began = time.process_time()
    read(parser, given_)
    return time.process_time() - began
