"""A policy file that says what holds anyway; ``docs/policy.yaml.sample`` is what this module prints."""

import sys
import textwrap
from collections.abc import Iterator

from glimpse.access.rules import METADEF_RULES, RULES, Rule

INTRODUCTION = """\
# Every policy rule and its default. Generated: python -m glimpse.access.sample > docs/policy.yaml.sample
# What is to differ goes without the # into policy.yaml beside the configuration, or a file in policy.d there.
"""
WIDTH = 110


def sample() -> str:
    """The file."""
    return INTRODUCTION + "".join(f"\n{line}" for rule in (*RULES, *METADEF_RULES) for line in _lines(rule))


def _lines(rule: Rule) -> Iterator[str]:
    yield from textwrap.wrap(rule.about, WIDTH, initial_indent="# ", subsequent_indent="# ")
    if rule.legacy is not None:
        yield f"# With [oslo_policy] enforce_new_defaults = false also: {rule.legacy}"
    if rule.anonymous is not None:
        yield f"# With allow_anonymous_access also: {rule.anonymous}"
    yield f'#"{rule.name}": "{rule.check}"\n'


if __name__ == "__main__":
    sys.stdout.write(sample())
