"""Configuration: every option declared once, existing files read, wrong values refused."""

from glimpse.config.error import ConfigError
from glimpse.config.load import load
from glimpse.config.samples import sample
from glimpse.config.settings import Settings, StoreSettings

__all__ = ["ConfigError", "Settings", "StoreSettings", "load", "sample"]
