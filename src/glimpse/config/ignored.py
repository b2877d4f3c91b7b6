"""What the files say that nobody here reads: one line to warn of it, naming everything."""

from collections.abc import Mapping

from oslo_config import cfg

from glimpse.config.declare import UNUSED
from glimpse.config.files import fold
from glimpse.config.settings import SECTION_TYPES, section_name
from glimpse.config.values import Values

# Sections of libraries, read by them as they like.
FOREIGN = frozenset({"barbican_service_user"})
# Libraries that read more options in their sections than are declared here.
READERS = frozenset({"castellan", "keystonemiddleware", "oslo.limit"})

WITHOUT_EFFECT = frozenset(
    (section_name(name), option.name)
    for name, section in SECTION_TYPES.items()
    for option in section.declared
    if UNUSED in option.rules
)

OF_SEVERAL_STORES = frozenset(
    {("os_glance_staging_store", "filesystem_store_datadir"), ("glance_store", "default_backend")}
)
OF_ONE_STORE = frozenset(
    {("DEFAULT", "node_staging_uri"), ("glance_store", "stores"), ("glance_store", "default_store")}
)


def ignored(values: Values, multi_store: bool) -> tuple[str, ...]:
    """The warning about options without effect; nothing where there are none."""
    found: dict[str, list[str]] = {}
    # Sections by the operator's own names, in which keystoneauth reads who this service is.
    accounts = [
        values.files.last(section, "auth_section") for section in ("keystone_authtoken", "oslo_limit")
    ]
    foreign = FOREIGN | {fold(account.text) for account in accounts if account is not None}
    pointless = OF_ONE_STORE if multi_store else OF_SEVERAL_STORES
    for section, option in values.files.written():
        if fold(section) in foreign:
            continue
        if (fold(section), option) in pointless or not _known(values, section, option):
            found.setdefault(section, []).append(option)
    if not found:
        return ()
    parts = [_described(values, section, options) for section, options in found.items()]
    return (f"these options mean nothing here and are ignored: {'; '.join(parts)}",)


def _described(values: Values, section: str, options: list[str]) -> str:
    if section != "DEFAULT" and section.upper() in ("DEFAULT", "DEFAULTS"):
        return f"[{section}] (it should be [DEFAULT]) {', '.join(options)}"
    if fold(section) not in values.known and fold(section) not in cfg.CONF:
        return f"[{section}]"
    return f"[{section}] {', '.join(option + _hint(section, option) for option in options)}"


def _hint(section: str, option: str) -> str:
    """Where an option of [DEFAULT] that is known elsewhere should be."""
    if section != "DEFAULT":
        return ""
    homes = [
        name for name, known in SECTION_TYPES.items() if option in (each.name for each in known.declared)
    ]
    return f" (it belongs in [{homes[0]}])" if len(homes) == 1 and homes != ["default"] else ""


def _known(values: Values, section: str, option: str) -> bool:
    name = fold(section)
    declared = SECTION_TYPES.get(name)
    if declared is not None and declared.owner in READERS:
        return True
    ours = option in values.known.get(name, ()) and (name, option) not in WITHOUT_EFFECT
    return ours or _elsewhere(name, option)


def _elsewhere(section: str, option: str) -> bool:
    """Whether somebody else, for example a plugin, has declared the option in oslo.config's CONF."""
    conf: object = cfg.CONF
    if section != "DEFAULT":
        # Not get(): oslo.config raises an error of its own for a group that it does not know.
        conf = cfg.CONF[section] if section in cfg.CONF else None  # noqa: SIM401
    return isinstance(conf, Mapping) and option in conf
