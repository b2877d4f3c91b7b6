"""Unified limits in a real Keystone, and the configuration of a service that asks for them."""

import time
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tests.servers.identity import Identity, password

RESOURCES = ("image_size_total", "image_stage_total", "image_count_total", "image_count_uploading")


class Limits:
    """The limits of one service's endpoint, which has a region of its own: other tests have others."""

    def __init__(self, operator: Identity, **registered: int) -> None:
        """Register these, and no limit for the rest of :data:`RESOURCES`; -2: not registered at all."""
        self.operator = operator
        self.region = f"limits-{uuid.uuid4()}"
        operator.publish("http://127.0.0.1:1", self.region)
        _, found = operator.call("GET", "/services?type=image")
        self._of = {"service_id": found["services"][0]["id"], "region_id": self.region}
        wanted = {**dict.fromkeys(RESOURCES, -1), **registered}
        body = [
            {**self._of, "resource_name": name, "default_limit": limit}
            for name, limit in wanted.items()
            if limit > -2
        ]
        self._post("/registered_limits", {"registered_limits": body})

    def project(self, **limits: int) -> str:
        """The id of a new project that has these limits of its own."""
        made = {"name": f"project-{uuid.uuid4()}", "domain_id": "default"}
        _, answer = self._post("/projects", {"project": made})
        project = str(answer["project"]["id"])
        if limits:
            self.limit(project, **limits)
        return project

    def limit(self, project: str, **limits: int) -> None:
        """Limits of its own for a project, which has none of these yet."""
        body = [
            {**self._of, "project_id": project, "resource_name": name, "resource_limit": limit}
            for name, limit in limits.items()
        ]
        self._post("/limits", {"limits": body})

    def _post(self, path: str, body: object) -> Any:
        """Written by other tests at the same moment, a Keystone on SQLite may answer 500."""
        for attempt in range(20):
            try:
                return self.operator.call("POST", path, body)
            except HTTPError as error:
                if error.code != 500 or attempt == 19:
                    raise
                time.sleep(0.2)

    def change(self, project: str, limit: int) -> None:
        """Another number for the only limit of its own that the project has."""
        _, found = self.operator.call("GET", f"/limits?project_id={project}&region_id={self.region}")
        (one,) = found["limits"]
        self.operator.call("PATCH", f"/limits/{one['id']}", {"limit": {"resource_limit": limit}})


def section(url: str, **more: object) -> str:
    """``[oslo_limit]`` of a service with an account in this Keystone."""
    options = {
        "auth_type": "password",
        "auth_url": url,
        "username": "glance",
        "password": password("glance"),
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "endpoint_service_type": "image",
        **more,
    }
    return "[oslo_limit]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())


def configuration(directory: Path, *sections: str, flavor: str = "") -> Path:
    """A file for a service whose limits are Keystone's; a limit of its own counts for nothing then."""
    path = directory / "glance-api.conf"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "[DEFAULT]\nenabled_backends = main:file, mirror:file\n"
        "use_keystone_limits = true\nuser_storage_quota = 1\n"
        "[glance_store]\ndefault_backend = main\n[os_glance_staging_store]\n"
        "[image_import_opts]\nimage_import_plugins = [image_decompression]\n"
        f"[main]\nfilesystem_store_datadir = {directory}/stores/main\n"
        f"[mirror]\nfilesystem_store_datadir = {directory}/stores/mirror\n"
        f"[paste_deploy]\nflavor = {flavor}\n" + "\n".join(sections)
    )
    return path
