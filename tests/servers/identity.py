"""The people of the Keystone for tests, and a few calls of its API."""

import json
import urllib.error
import urllib.request
from typing import Any

# Who is there besides admin (of the project admin): project and roles. Everybody's password is :func:`password`.
PEOPLE = {
    "glance": ("service", ("admin", "service")),
    "nova": ("service", ("service",)),
    "ann": ("blue", ("member",)),
    "mia": ("blue", ("manager",)),
    "ron": ("blue", ("reader",)),
    "zoe": ("green", ("member",)),
}
# No proxy of this machine stands between a test and its Keystone.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def password(user: str) -> str:
    """A user's password."""
    return f"{user}'s secret"


class Identity:
    """A few calls of a Keystone, as nobody or as the owner of ``token``."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.own = token

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[Any, Any]:
        """Headers and content of the answer. Raises urllib's HTTPError."""
        if self.own:
            headers["X-Auth-Token"] = self.own
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", **headers},
            method=method,
        )
        with _OPENER.open(request, timeout=30) as answer:
            content = answer.read()
            return answer.headers, json.loads(content) if content else None

    def token(self, user: str, scope: object = None) -> str:
        """A new token of this user, of her project or of another scope."""
        project = "admin" if user == "admin" else PEOPLE[user][0]
        asked = {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user, "domain": {"id": "default"}, "password": password(user)}},
            },
            "scope": scope or {"project": {"name": project, "domain": {"id": "default"}}},
        }
        headers, _ = self.call("POST", "/auth/tokens", {"auth": asked})
        return str(headers["X-Subject-Token"])

    def as_user(self, user: str) -> "Identity":
        """The same Keystone, asked by this user."""
        return Identity(self.url, self.token(user))

    def revoke(self, token: str) -> None:
        """End a token; asked by an administrator."""
        self.call("DELETE", "/auth/tokens", None, **{"X-Subject-Token": token})

    def is_valid(self, token: str) -> bool:
        """What Keystone itself says of a token; asked by an administrator."""
        try:
            self.call("GET", "/auth/tokens", None, **{"X-Subject-Token": token})
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def project(self, name: str) -> str:
        """The id of a project; asked by an administrator."""
        _, found = self.call("GET", f"/projects?name={name}")
        return str(found["projects"][0]["id"])

    def publish(self, url: str, region: str) -> None:
        """Enter an Image service, and this Keystone, into the catalogue, in a region of its own; asked by an
        administrator.
        """
        self.call("POST", "/regions", {"region": {"id": region}})
        _, found = self.call("GET", "/services")
        services = {service["type"]: service["id"] for service in found["services"]}
        for kind, where in (("image", url), ("identity", self.url)):
            for interface in ("public", "internal", "admin"):
                entry = {
                    "service_id": services[kind],
                    "interface": interface,
                    "url": where,
                    "region_id": region,
                }
                self.call("POST", "/endpoints", {"endpoint": entry})
