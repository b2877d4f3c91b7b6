"""What an archive holds, and how that is shown to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

# Enough to recognise one's own archive.
_SHOWN = 20
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive. ``regular``: a plain file, no directory, link or device. ``name`` is never a path."""

    name: str
    regular: bool
    encrypted: bool = False


def shown(text: str, longest: int = _LONGEST) -> str:
    """``text`` from an archive, without anything that a terminal or a log would act on, and not too long."""
    clean = "".join(char if char.isprintable() else "?" for char in text[: longest + 1])
    return clean if len(clean) <= longest else clean[:longest] + "…"


def listed(members: Sequence[Member]) -> str:
    """The names of ``members``, the first twenty and how many more."""
    names = ", ".join(f"'{shown(member.name)}'" for member in members[:_SHOWN])
    more = len(members) - _SHOWN
    return f"{names} and {more} more" if more > 0 else names or "nothing"
