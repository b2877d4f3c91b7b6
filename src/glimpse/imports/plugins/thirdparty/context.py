"""Who asked for the import, as plugins are told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from glimpse.imports.run import ImportRun


@dataclass(frozen=True)
class Context:
    """The caller. ``auth_token`` is the one with which the import was asked for; it may have expired since."""

    project_id: str | None
    user_id: str | None
    roles: list[str]
    is_admin: bool
    request_id: str | None
    auth_token: str | None = field(default=None, repr=False)
    service_catalog: list[dict[str, Any]] | None = field(default=None, repr=False)

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
    roles, kept = list(run.record.roles), run.kept
    return Context(
        project_id=run.record.owner,
        user_id=run.record.user_id,
        roles=roles,
        is_admin="admin" in {role.lower() for role in roles},
        request_id=run.record.request_id,
        auth_token=None if kept.token is None else kept.token.reveal(),
        service_catalog=None if kept.catalog is None else json.loads(kept.catalog),
    )
