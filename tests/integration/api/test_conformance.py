"""schemathesis against the running service: what it answers is what the OpenAPI document says.

Each run makes its requests from the same seed, for each operation of the document. What form answers have does not
depend on the database: all roles are tried on SQLite, two of them on the others. Boundary values of everything that a
request has are tried by those whose requests get furthest, on SQLite.
With ``GLIMPSE_CONFORMANCE_SECONDS`` each run takes so long, and makes other requests each time.
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
from tests.servers.databases import SERVERS, SQLITE, Databases

HOOKS = "tests.integration.api.conformance_hooks"
ROOT = Path(__file__).parents[3]
SECONDS = os.environ.get("GLIMPSE_CONFORMANCE_SECONDS")
# How long one run may take beyond that.
PATIENCE = 100
ALL_PHASES, FEW_PHASES = "examples,coverage,fuzzing,stateful", "examples,fuzzing"
# Not held: values of the right form may still be refused, and the reverse. Clients rely on a wrong verb being not found
# in two places.
CONFIGURATION = """
[checks]
positive_data_acceptance.enabled = false
negative_data_rejection.enabled = false
missing_required_header.enabled = false
ensure_resource_availability.enabled = false
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
FURTHEST = ("admin", "member")
RUNS = [(SQLITE, role) for role in TOKENS] + [
    (kind, role) for kind in SERVERS for role in ("admin", "member")
]


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
@pytest.mark.parametrize(("backend", "role"), RUNS, indirect=["backend"])
def test_answers_are_as_documented(
    api: Api, backend: Databases, images: list[str], role: str, tmp_path: Path
) -> None:
    phases = ALL_PHASES if backend.kind == SQLITE and role in FURTHEST else FEW_PHASES
    conforms(api, images, tmp_path, "--header", f"X-Auth-Token: {TOKENS[role]}", phases=phases)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["nobody", "somebody else"])
def test_answers_to_whoever_is_not_authenticated(open_to_all: Api, who: str, tmp_path: Path) -> None:
    open_to_all.http.auth = ("olga", "olga's secret")
    named = {"somebody else": ["--auth", "ann:no secret"]}
    conforms(open_to_all, made(open_to_all), tmp_path, *named.get(who, []), phases=FEW_PHASES)


@pytest.mark.slow
def test_answers_to_whom_a_password_tells(tmp_path: Path) -> None:
    """Every operation asks for the password: schemathesis tries each without one, and with a wrong one."""
    make_site(tmp_path / "site")
    with Api(tmp_path / "site", configuration=configuration(tmp_path / "site", "http_basic")) as closed:
        closed.http.auth = ("olga", "olga's secret")
        conforms(closed, made(closed), tmp_path, "--auth", "ann:ann's secret")


def conforms(api: Api, images: list[str], tmp_path: Path, *caller: str, phases: str = ALL_PHASES) -> None:
    """Try every operation as this caller."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    asked = tmp_path / "asked"
    bounds = ["--max-time", SECONDS] if SECONDS else ["--max-examples", "1", "--generation-deterministic"]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{api.url}/openapi.json",
            "--phases", phases, *caller, *bounds, "--continue-on-failure",
            "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "SCHEMATHESIS_HOOKS": HOOKS,
            "CONFORMANCE_IMAGES": ",".join(images),
            "CONFORMANCE_ASKED": str(asked),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=int(SECONDS or 0) + PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    document = api.http.get("/openapi.json").json()
    offered = {f"{verb.upper()} {path}" for path, verbs in document["paths"].items() for verb in verbs}
    assert offered <= set(asked.read_text().splitlines())
