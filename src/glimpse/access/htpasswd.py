"""The files of a site that authenticates its users itself: names with bcrypt hashes, and what they may be.

``htpasswd``, as ``htpasswd -B`` writes it; ``htpasswd-roles`` beside it, which that program never touches::

    ann:$2y$12$…                    ann:blue:member
    olga:$2y$12$…                   olga:operators:admin
    ron:$2y$12$…                    ron:blue:reader

Blank lines and those that begin with ``#`` mean nothing in both.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glimpse.access.noauth import with_implied
from glimpse.errors import Invalid

LOG = logging.getLogger(__name__)

# $2a$ and $2b$ are written by others. 31 characters of the hash follow 22 of the salt.
BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
# bcrypt has no less than 4 and htpasswd uses 5 when not told otherwise; 15 takes two seconds.
COSTS = range(4, 16)
USUAL_ROLE = "member"


class BrokenFile(Invalid):
    """A line is not as it should be; the message names file and line, never what is in it."""

    code = "broken-users"


@dataclass(frozen=True, slots=True)
class User:
    """A user with the project that she acts for."""

    name: str
    hash: bytes
    project: str
    roles: frozenset[str]


def read(passwords: Path, roles: Path | None) -> dict[str, User]:
    """The users by name. Raises BrokenFile.

    Who has no line in ``roles`` is a member of a project named as she is.
    """
    hashes = dict(_hashes(passwords))
    places = {} if roles is None else dict(_places(roles))
    for name in sorted(places.keys() - hashes.keys()):
        LOG.warning("%s: %s has a project but no password in %s", roles, name, passwords)
    users = {}
    for name, hash in hashes.items():
        project, named = places.get(name, (name, [USUAL_ROLE]))
        users[name] = User(name, hash, project, with_implied(named))
    return users


def _hashes(path: Path) -> Iterator[tuple[str, bytes]]:
    for number, (name, *rest) in _lines(path):
        found = BCRYPT.fullmatch(rest[0]) if len(rest) == 1 else None
        if found is None:
            raise BrokenFile(
                f"{path}:{number}: should be user:hash with a bcrypt hash, and nothing after it",
                hint=f"htpasswd -B {path} USER writes such a line.",
            )
        if int(found["cost"]) not in COSTS:
            raise BrokenFile(
                f"{path}:{number}: bcrypt at cost {found['cost']}; {COSTS[0]} to {COSTS[-1]} can be used"
            )
        yield name, rest[0].encode()


def _places(path: Path) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    for number, (name, *rest) in _lines(path):
        roles = [role.strip().lower() for role in rest[1].split(",")] if len(rest) == 2 else []
        project = rest[0].strip() if rest else ""
        if not project or not roles or not all(roles):
            raise BrokenFile(f"{path}:{number}: should be user:project:role[,role…]")
        yield name, (project, roles)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_text()
    except OSError as error:
        raise BrokenFile(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BrokenFile(f"{path}: is not a text in UTF-8") from error
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.strip().split(":")
        name = fields[0]
        if not name or not name.isprintable():
            raise BrokenFile(f"{path}:{number}: begins with no name")
        if name in seen:
            raise BrokenFile(f"{path}:{number}: {name} is on line {seen[name]} as well")
        seen[name] = number
        yield number, fields
