"""Who asked for the import, as plugins are told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from glimpse.imports.run import ImportRun


@dataclass(frozen=True)
class Context:
    """The caller. ``auth_token`` is None: an import goes on long after a token may have expired."""

    project_id: str | None
    user_id: str | None
    roles: list[str]
    is_admin: bool
    request_id: str | None
    auth_token: str | None = None
    service_catalog: list[dict[str, Any]] | None = None

    @property
    def owner(self) -> str | None:
        """The project, which owns the images that its users make."""
        return self.project_id

    @property
    def tenant(self) -> str | None:
        """The project, by its older name."""
        return self.project_id

    def to_dict(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "owner": self.owner, "tenant": self.tenant}


def context_of(run: ImportRun) -> Context:
    """The caller of this import."""
    roles = list(run.record.roles)
    return Context(
        project_id=run.record.owner,
        user_id=run.record.user_id,
        roles=roles,
        is_admin="admin" in {role.lower() for role in roles},
        request_id=run.record.request_id,
    )
