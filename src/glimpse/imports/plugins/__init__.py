"""The import plugins: found by name among the installed distributions, ours one file each."""

from collections.abc import Sequence

from stevedore import driver
from stevedore.exception import MultipleMatches, NoMatches

from glimpse.config import Settings
from glimpse.errors import GlimpseError
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.plugins.thirdparty.adapter import ThirdParty
from glimpse.imports.plugins.thirdparty.glance import advice

NAMESPACE = "glance.image_import.plugins"


class PluginError(GlimpseError):
    """A configured plugin cannot be used; the service does not start without it."""

    code = "plugin"


def load(names: Sequence[str], settings: Settings) -> tuple[Plugin, ...]:
    """The plugins called ``names``, in that order. Raises PluginError for the first that cannot be used."""
    plugins = tuple(_load(name, settings) for name in names)
    _check_order([plugin.name for plugin in plugins])
    return plugins


def _load(name: str, settings: Settings) -> Plugin:
    where = f"[image_import_opts] image_import_plugins names {name!r}"
    try:
        loaded: object = driver.DriverManager(
            NAMESPACE, name, invoke_on_load=False, warn_on_missing_entrypoint=False
        ).driver
        # Ours are classes that say how they fit into a plan. Whatever else can be called is a third party's get_flow.
        if isinstance(loaded, type) and hasattr(loaded, "contribute"):
            made: object = loaded(settings)
        else:
            made = ThirdParty(name, loaded) if callable(loaded) else None
    except NoMatches:
        raise PluginError(f"{where}, but no installed distribution offers such a plugin.") from None
    except MultipleMatches:
        raise PluginError(
            f"{where}, and several installed distributions offer a plugin of that name."
        ) from None
    except GlimpseError:
        raise
    except Exception as error:
        found = advice(error)
        if found is not None:
            raise PluginError(f"{where}, but {found[0]}.", hint=found[1]) from error
        raise PluginError(f"{where}, but it cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(made, Plugin):
        raise PluginError(f"{where}, but what it offers is not a plugin: it cannot be called.")
    return made


def _check_order(names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise PluginError(f"[image_import_opts] image_import_plugins names {repeated[0]!r} more than once.")
    both = {"image_decompression", "image_conversion"} <= set(names)
    if both and names.index("image_decompression") > names.index("image_conversion"):
        raise PluginError(
            "[image_import_opts] image_import_plugins: image_decompression must stand before image_conversion."
        )
