"""The files of a configuration: which they are, and who says what in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from oslo_config import iniparser

from glimpse.config.error import ConfigError


@dataclass(frozen=True)
class Origin:
    """The place where an option is set."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Files:
    """The files in the order in which they are read, and each line in them that sets an option.

    As in oslo.config, the case of a section's name does not matter, except that of ``DEFAULT``.
    """

    paths: tuple[Path, ...]
    origins: dict[tuple[str, str], list[Origin]] = field(default_factory=dict)
    sections: dict[str, Origin] = field(default_factory=dict)

    def last(self, section: str, option: str) -> Origin | None:
        """The place that decides about an option; None where no file sets it."""
        return self.origins.get((fold(section), option), [None])[-1]

    def written(self) -> Iterator[tuple[str, str]]:
        """Each section and option that is set, in the order of the files, the section as written."""
        for section, option in self.origins:
            yield self.sections[section].text, option


def read(files: Sequence[Path], dirs: Sequence[Path]) -> Files:
    """Read the files, then each directory's ``*.conf`` in the order of their names. Raises ConfigError."""
    paths = [Path(path).absolute() for path in files]
    for directory in dirs:
        if not Path(directory).is_dir():
            raise ConfigError(f"{directory}: no such configuration directory")
        paths += sorted(Path(directory).absolute().glob("*.conf"))
    found = Files(tuple(paths))
    for path in paths:
        _Parser(path, found).read()
    return found


def fold(section: str) -> str:
    """A section's name as it is compared."""
    return section if section == "DEFAULT" else section.lower()


class _Parser(iniparser.BaseParser):
    """One file, read as oslo.config reads it."""

    def __init__(self, path: Path, into: Files) -> None:
        super().__init__()
        self.path = path
        self.into = into
        self.section = ""
        self.started = 0

    def read(self) -> None:
        """Add what the file says. Raises ConfigError."""
        try:
            self.parse(self.path.read_text(encoding="utf-8").splitlines())
        except iniparser.ParseError as error:
            raise ConfigError(
                f"{self.path}:{error.lineno}: {error.msg}: {error.line.strip()[:60]!r}"
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: is not a text in UTF-8") from None
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}") from None

    def _split_key_value(self, line: str) -> tuple[str, list[str]]:
        self.started = self.lineno
        return super()._split_key_value(line)

    def new_section(self, section: str) -> None:
        self.section = section
        self.into.sections.setdefault(fold(section), Origin(self.path, self.lineno, section))

    def assignment(self, key: str, value: list[str]) -> None:
        if not self.section:
            self.lineno = self.started
            self._refuse(key)
        origin = Origin(self.path, self.started, "\n".join(value))
        self.into.origins.setdefault((fold(self.section), key), []).append(origin)

    def _refuse(self, key: str) -> NoReturn:
        raise ConfigError(f"{self.path}:{self.lineno}: {key} stands before the first [section]")
