"""schemathesis against the running service: what it answers is what the OpenAPI document says.

Each role gets the same deterministic requests, then as many as its time allows. ``GLIMPSE_CONFORMANCE_SECONDS``
gives it more.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.access.conftest import configuration
from tests.integration.access.users import make_site
from tests.integration.api.service import Api

HOOKS = "tests.integration.api.conformance_hooks"
ROOT = Path(__file__).parents[3]
SECONDS = int(os.environ.get("GLIMPSE_CONFORMANCE_SECONDS", "2"))
# Not held: values of the right form may still be refused, and the reverse; and nobody authenticates yet. Clients
# rely on a wrong verb being not found in two places.
CONFIGURATION = """
[checks]
positive_data_acceptance.enabled = false
negative_data_rejection.enabled = false
missing_required_header.enabled = false
ensure_resource_availability.enabled = false
ignored_auth.enabled = false
object_level_authorization.enabled = false

[[operations]]
include-path = "/v2/info/usage"
checks.unsupported_method.enabled = false

[[operations]]
include-path = "/v2/images/{image_id}/tasks"
checks.unsupported_method.enabled = false
"""
TOKENS = {
    "nobody": "notused",
    "admin": "root:ops:admin",
    "manager": "max:blue:manager",
    "member": "ann:blue:member",
    "other": "zoe:green:member",
    "reader": "rob:blue:reader",
    "no role": "eve:blue:guest",
    "service": "nova:services:service",
}


@pytest.fixture(scope="module")
def images(api: Api) -> list[str]:
    """Images of blue's, in every state."""
    return made(api)


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service that whoever is not authenticated may read."""
    directory = tmp_path_factory.mktemp("open")
    make_site(directory)
    file = configuration(directory, "http_basic", options="allow_anonymous_access = true")
    with Api(directory, configuration=file) as running:
        yield running


def made(api: Api) -> list[str]:
    """Images in every state that a request alone can bring about, more of each than will be deleted."""
    found = []
    for number in range(8):
        for visibility in ("private", "shared", "community", "public"):
            found.append(api.create(owner="blue", visibility=visibility, name=f"queued {number}"))
            found.append(api.active(os.urandom(1000), owner="blue", visibility=visibility, tags=["a"]))
        staged = api.create(owner="blue")
        assert api.put(staged, b"x" * 1000, "stage").status_code == 204
        shared = api.create(owner="blue")
        assert api.http.post(f"/v2/images/{shared}/members", json={"member": "green"}).status_code == 200
        idle = api.active(b"y", owner="blue")
        assert api.http.post(f"/v2/images/{idle}/actions/deactivate").status_code == 204
        found += [staged, shared, idle]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("role", TOKENS)
def test_answers_are_as_documented(api: Api, images: list[str], role: str, tmp_path: Path) -> None:
    conforms(api, images, tmp_path, "--header", f"X-Auth-Token: {TOKENS[role]}")


@pytest.mark.slow
@pytest.mark.parametrize("who", ["nobody", "a user", "somebody else"])
def test_answers_to_whom_passwords_tell(open_to_all: Api, who: str, tmp_path: Path) -> None:
    open_to_all.http.auth = ("olga", "olga's secret")
    named = {"a user": ["--auth", "ann:ann's secret"], "somebody else": ["--auth", "ann:no secret"]}
    conforms(open_to_all, made(open_to_all), tmp_path, *named.get(who, []))


def conforms(api: Api, images: list[str], tmp_path: Path, *caller: str) -> None:
    """Try every operation as this caller."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{api.url}/openapi.json",
            "--phases", "examples,coverage,fuzzing,stateful",
            *caller,
            "--max-time", str(SECONDS), "--continue-on-failure", "--generation-deterministic",
            "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "SCHEMATHESIS_HOOKS": HOOKS,
            "CONFORMANCE_IMAGES": ",".join(images),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS + 60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
