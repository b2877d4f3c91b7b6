"""oslo.config's global ``CONF``: where libraries and third-party plugins look."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from glimpse.config.declare import OWNED, UNUSED
from glimpse.config.files import fold
from glimpse.config.settings import SECTION_TYPES, section_name

_lock = threading.Lock()
_overridden: set[tuple[str, str]] = set()


def share(files: Sequence[Path], dirs: Sequence[Path], overrides: Mapping[tuple[str, str], object]) -> None:
    """Let ``CONF`` read the same files, and know our options, but for those that a library declares itself and those that
    have no effect: where a plugin declares one of these, it has.
    """
    with _lock:
        cfg.CONF(
            args=[],
            prog="glimpse",
            project="glimpse",
            default_config_files=[str(path) for path in files],
            default_config_dirs=[str(path) for path in dirs],
        )
        for name, section in SECTION_TYPES.items():
            for option in () if section.owner else section.declared:
                if OWNED not in option.rules and UNUSED not in option.rules:
                    # A plugin may have declared the same option first, in its own words.
                    with contextlib.suppress(cfg.DuplicateOptError):
                        cfg.CONF.register_opt(option.oslo(), group=_group(section_name(name)))
        for key in _overridden:
            cfg.CONF.clear_override(key[1], group=_group(key[0]))
        _overridden.clear()
        for (place, name), value in overrides.items():
            with contextlib.suppress(cfg.NoSuchOptError, cfg.NoSuchGroupError):
                cfg.CONF.set_override(name, value, group=_group(place))
                _overridden.add((place, name))


def _group(section: str) -> str | None:
    return None if section == "DEFAULT" else fold(section)
