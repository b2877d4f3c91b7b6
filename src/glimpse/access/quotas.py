"""Where an owner's quota comes from: nowhere, the configuration, or Keystone."""

from collections.abc import Mapping
from typing import Protocol

from glimpse.access.quota import UNLIMITED, Ceiling, Quota
from glimpse.config import Settings


class Quotas(Protocol):
    """One kind of quotas; made once for a process, used by its event loop only."""

    async def of(self, owner: str | None) -> Quota:
        """What this project may have now; None: what is nobody's. Raises Unavailable where that cannot be told now."""
        ...

    async def shown(self, project: str | None) -> Mapping[str, int]:
        """The limits that a project is shown, by the names of their resources; sizes in MiB."""
        ...

    def close(self) -> None:
        """End what runs beside the event loop."""
        ...


class OwnQuotas:
    """``user_storage_quota``, the same for everybody."""

    def __init__(self, settings: Settings) -> None:
        quota = settings.default.user_storage_quota
        self._stored = Ceiling("user_storage_quota", quota) if quota > 0 else None

    async def of(self, owner: str | None) -> Quota:
        """As :class:`Quotas` has it."""
        return UNLIMITED if self._stored is None else Quota(owner, self._stored)

    async def shown(self, project: str | None) -> Mapping[str, int]:
        """None: only Keystone's limits are shown."""
        return {}

    def close(self) -> None:
        """Nothing runs."""


def quotas_of(settings: Settings) -> Quotas:
    """The quotas for this configuration. Raises Invalid where it cannot work."""
    if not settings.default.use_keystone_limits:
        return OwnQuotas(settings)
    # Imported where it is used: oslo.limit brings 50 MiB.
    from glimpse.access.keystone_limits import KeystoneQuotas

    return KeystoneQuotas(settings)
