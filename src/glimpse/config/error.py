"""What is wrong with a configuration, in one line."""

from glimpse.errors import GlimpseError


class ConfigError(GlimpseError):
    """The configuration cannot be used; the message names the file, the section and the option."""

    code = "config"
