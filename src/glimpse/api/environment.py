"""How a worker process of the HTTP server learns its configuration: from one variable of its environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from glimpse.config import Settings, load
from glimpse.errors import Invalid

VARIABLE = "GLIMPSE_CONFIG"


def settings_of_environment() -> Settings:
    """The settings that GLIMPSE_CONFIG names: JSON with ``files``, ``dirs``, ``data`` and ``overrides``.

    Without the variable the embedded defaults hold. Raises Invalid.
    """
    try:
        source = json.loads(os.environ.get(VARIABLE) or "{}")
        data = source.get("data")
        return load(
            [Path(path) for path in source.get("files", [])],
            [Path(path) for path in source.get("dirs", [])],
            Path(data) if data else None,
            source.get("overrides", {}),
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise Invalid(f"{VARIABLE} is not what the service's commands put there: {error}") from error


def publish(source: Mapping[str, object]) -> None:
    """Let processes started from here on read this configuration."""
    os.environ[VARIABLE] = json.dumps(source)
