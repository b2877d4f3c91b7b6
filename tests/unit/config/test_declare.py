from collections.abc import Mapping
from dataclasses import FrozenInstanceError, field
from pathlib import Path
from typing import Annotated

import pytest
from oslo_config import cfg

from glimpse.config.declare import BYTES, MULTI, SECRET, Alias, Choices, Range, Section, Shown
from glimpse.config.settings import SECTION_TYPES


class Example(Section):
    """An example."""

    count: Annotated[int, "How many.", Range(1, 9), Alias("DEFAULT", "number")] = 3
    cap: Annotated[int, "How much.", BYTES] = 0
    word: Annotated[str, "Which.", Choices("a", "b")] = "a"
    words: Annotated[tuple[str, ...], "Which ones."] = ("x", "y")
    lines: Annotated[tuple[str, ...], "One a line.", MULTI] = ()
    pairs: Annotated[Mapping[str, str], "What for what."] = field(default_factory=dict)
    place: Annotated[Path | None, "Where.", Shown("<data>/x")] = None
    password: Annotated[str | None, "Psst.", SECRET] = None


def test_a_section_is_a_frozen_record_with_the_defaults() -> None:
    example = Example()
    assert (example.count, example.words, example.pairs, example.place) == (3, ("x", "y"), {}, None)
    with pytest.raises(FrozenInstanceError):
        example.count = 4  # type: ignore[misc]


def test_options_follow_from_the_fields() -> None:
    count, cap, word, words, lines, _, place, password = Example.declared
    assert (count.name, count.default, count.help) == ("count", 3, "How many.")
    assert count.kind("9") == 9
    assert count.aliases == (Alias("DEFAULT", "number"),)
    assert cap.kind("1KB") == 1024
    assert word.kind.wanted == "one of a, b"
    assert words.shown_default == "[x, y]"
    assert lines.multi
    assert place.shown_default == "<data>/x"
    assert password.secret


def test_oslo_config_reads_the_same_options(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("[example]\ncount = 5\nwords = ['q']\nlines = 1\nlines = 2\n")
    conf = cfg.ConfigOpts()
    conf.register_opts([option.oslo() for option in Example.declared], group="example")
    conf(args=[], default_config_files=[str(path)], default_config_dirs=[])
    assert conf.example.count == 5
    assert conf.example.words == ["q"]
    assert conf.example.lines == ["1", "2"]
    assert conf.example.word == "a"


def test_a_secret_is_masked_where_the_section_is_shown() -> None:
    assert "hunter2" not in repr(Example(password="hunter2"))
    assert "password='***'" in repr(Example(password="hunter2")).replace("***", "'***'")
    assert "password=None" in repr(Example())


def test_every_option_has_a_help_that_is_a_sentence() -> None:
    for section in SECTION_TYPES.values():
        assert section.__doc__
        for option in section.declared:
            assert option.help[0].isupper(), option
            assert option.help.endswith("."), option


def test_every_default_is_a_value_of_its_own_kind() -> None:
    for section in SECTION_TYPES.values():
        for option in section.declared:
            if option.default is not None and not option.multi:
                value = option.kind(option.default)
                assert (tuple(value) if isinstance(value, list) else value) == option.default, option.name
