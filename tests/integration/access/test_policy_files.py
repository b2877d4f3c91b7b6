"""policy.yaml, policy.json and policy.d of a service that really starts, and edits while it runs."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.access.conftest import Start, configuration
from tests.integration.api.service import V21, Api, auth

PEOPLE = ("admin", "json", "yaml", "first", "second")


def publishers(api: Api) -> set[str]:
    """The roles that may make an image public."""
    image_id = api.create(owner="blue")
    change = [{"op": "replace", "path": "/visibility", "value": "public"}]
    answers = {
        role: api.http.patch(
            f"/v2/images/{image_id}", json=change, headers={**V21, **auth(f"u:blue:member,{role}")}
        ).status_code
        for role in PEOPLE
    }
    assert set(answers.values()) <= {200, 403}
    return {role for role, status in answers.items() if status == 200}


def write(directory: Path, name: str, role: str) -> None:
    """A policy file as JSON, which is YAML as well; what it says last decides who publicizes."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(f'{{"publicize_image": "role:{role}"}}\n')
    beside.replace(path)


def test_files_are_read_at_the_start_and_edits_are_taken_up(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, "policy.json", "json")
    api = start("")
    assert publishers(api) == {"json"}
    write(data, "policy.yaml", "yaml")
    write(data, "policy.d/2.json", "second")
    write(data, "policy.d/1.yaml", "first")
    api.wait(lambda: publishers(api) == {"second"})
    (data / "policy.d" / "3.yaml").write_text('"publicize_image": "role:yaml and ("\n')
    # Files are looked at when somebody asks for something.
    api.wait(lambda: publishers(api) == {"second"} and "3.yaml cannot be understood" in api.log.read_text())
    assert "stay in force" in api.log.read_text()
    for name in ("2.json", "3.yaml"):
        (data / "policy.d" / name).unlink()
    api.wait(lambda: publishers(api) == {"first"})


def test_drop_ins_change_what_the_file_says_from_the_start(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, "rules.yaml", "yaml")
    write(data, "more/1.yaml", "first")
    write(data, "most/1.yaml", "second")
    sections = "[oslo_policy]\npolicy_file = rules.yaml\npolicy_dirs = more\npolicy_dirs = most\n"
    assert publishers(start("", sections)) == {"second"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("policy.yaml", "][", "policy.yaml cannot be read"),
        ("policy.yaml", '"get_image": "role:a and"', "The rule get_image in"),
        ("policy.yaml", '"a": "rule:b"\n"b": "rule:a"', "refers to itself"),
        ("policy.json", '{"get_image": "role:a and"}', "policy.json"),
        ("policy.d/9.yaml", '"get_image": "role:a and"', "policy.d/9.yaml"),
    ],
)
def test_a_broken_file_stops_the_start_with_one_clear_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    file = configuration(tmp_path, "")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = subprocess.run(
        [sys.executable, "-m", "glimpse.cli", "serve", "--config-file", file, "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("glimpse: ")]
    assert said in line
    assert "Traceback" not in done.stderr
