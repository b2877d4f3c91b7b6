"""The options of a file store, as operators of Glance know them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glimpse.stores.errors import BadStoreOption


@dataclass(frozen=True, slots=True)
class Directory:
    """One of the store's directories; higher priorities are filled first."""

    path: Path
    priority: int = 0


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What a file store was configured to do. ``mode`` 0: leave the permissions as they are."""

    directories: tuple[Directory, ...]
    mode: int = 0
    metadata_file: Path | None = None
    sync: bool = True

    @classmethod
    def parse(cls, store: str, options: Mapping[str, object]) -> "FileOptions":
        """Read the driver's options; those not named here have no meaning for us. Raises BadStoreOption."""
        metadata_file = options.get("filesystem_store_metadata_file")
        return cls(
            directories=_directories(store, options),
            mode=_mode(store, options.get("filesystem_store_file_perm") or 0),
            metadata_file=Path(str(metadata_file)) if metadata_file else None,
            sync=bool(options.get("filesystem_store_sync", True)),
        )


def read_metadata(store: str, path: Path) -> dict[str, object] | list[dict[str, object]]:
    """What the metadata file holds: an object, or a list of objects with a ``mountpoint``. Raises
    BadStoreOption.
    """
    what = f"Store {store!r}: filesystem_store_metadata_file {path}"
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadStoreOption(f"{what}: {error}.") from error
    if isinstance(content, dict):
        return content
    if isinstance(content, list) and all(isinstance(each, dict) and "mountpoint" in each for each in content):
        return content
    raise BadStoreOption(f"{what} holds neither an object nor a list of objects with a 'mountpoint'.")


def _directories(store: str, options: Mapping[str, object]) -> tuple[Directory, ...]:
    several = options.get("filesystem_store_datadirs")
    if several:
        words = [several] if isinstance(several, str) else _strings(several)
        found = [_directory(store, word) for word in words]
        if len({directory.path for directory in found}) < len(found):
            raise BadStoreOption(f"Store {store!r}: filesystem_store_datadirs names a directory twice.")
        return tuple(sorted(found, key=lambda directory: -directory.priority))
    one = options.get("filesystem_store_datadir")
    if not one:
        raise BadStoreOption(f"Store {store!r}: filesystem_store_datadir is not set.")
    return (Directory(Path(str(one)).absolute()),)


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, Iterable) else [str(value)]


def _directory(store: str, word: str) -> Directory:
    path, colon, priority = word.rpartition(":")
    if not colon:
        return Directory(Path(word).absolute())
    if not path or not priority.strip().isdecimal():
        raise BadStoreOption(
            f"Store {store!r}: filesystem_store_datadirs {word!r} is not a directory, or directory:priority."
        )
    return Directory(Path(path).absolute(), int(priority))


def _mode(store: str, value: object) -> int:
    """``640`` means the octal number 640, as in Glance, whether it came as a number or as text."""
    try:
        mode = int(str(value), 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise BadStoreOption(f"Store {store!r}: filesystem_store_file_perm {value!r} is not octal like 640.")
    if mode and not mode & 0o400:
        raise BadStoreOption(
            f"Store {store!r}: filesystem_store_file_perm {value!r} lets the service itself not read."
        )
    return mode
