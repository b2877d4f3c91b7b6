"""The keyword arguments of ``get_flow``."""

from __future__ import annotations

from typing import Any

from glimpse.imports.plugins.thirdparty.context import context_of
from glimpse.imports.plugins.thirdparty.repos import Bound, ImageFactory, ImageRepo, TaskRepo
from glimpse.imports.plugins.thirdparty.wrapper import ActionWrapper
from glimpse.imports.run import ImportRun

TASK_TYPE = "api_image_import"


def arguments(run: ImportRun, plugin: str, size: int | None) -> dict[str, Any]:
    """All of them, for one import. ``size``: bytes of the file that the plugin is given."""
    context = context_of(run)
    bound = Bound(run, plugin, size)
    return {
        "task_id": run.id,
        "task_type": TASK_TYPE,
        "context": context,
        "task_repo": TaskRepo(run, TASK_TYPE),
        "image_repo": ImageRepo(run, bound, context),
        "image_factory": ImageFactory(context),
        "backend": list(run.record.stores) if run.resources.settings.multi_store else [None],
        "image_id": run.image_id,
        "import_req": dict(run.request),
        "action_wrapper": ActionWrapper(run.image_id, plugin, bound),
    }
