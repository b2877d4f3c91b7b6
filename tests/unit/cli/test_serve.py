"""``glimpse serve`` and ``glance-api`` when they cannot start: one clear line and status 1."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.process import free_port


def run(
    *args: str, module: str = "glimpse.cli", env: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Exit status and standard error of a command that is expected not to run long."""
    command = [sys.executable, "-m", module, *args]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **(env or {})}
    )
    return answer.returncode, answer.stderr.splitlines()


@pytest.mark.parametrize("command", ["serve", "api"])
def test_listening_for_others_is_refused(tmp_path: Path, command: str) -> None:
    status, said = run(command, "--data", str(tmp_path), "--host", "0.0.0.0")
    assert status == 1
    assert len(said) == 2
    assert (
        said[0]
        == "glimpse: without authentication it does not listen on 0.0.0.0: whoever reached it would be admin"
    )


@pytest.mark.parametrize("command", ["serve", "api", "conductor"])
def test_an_unknown_authentication_is_refused_by_every_process(tmp_path: Path, command: str) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text("[paste_deploy]\nflavor = fakeauth\n")
    status, said = run(command, "--data", str(tmp_path), "--config-file", str(file))
    assert status == 1
    assert said[0] == "glimpse: [paste_deploy] flavor = fakeauth: there is no fakeauth here"
    assert not any("Traceback" in line for line in said)


@pytest.mark.parametrize("command", ["serve", "api"])
@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        ("", "glimpse: [keystone_authtoken] auth_type is missing"),
        ("auth_type = passwort", "glimpse: [keystone_authtoken] cannot be used: The plugin passwort"),
        ("auth_type = password", "glimpse: [keystone_authtoken] cannot be used: Auth plugin requires"),
    ],
)
def test_an_account_that_cannot_be_is_told(
    tmp_path: Path, command: str, account: str, complaint: str
) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(f"[paste_deploy]\nflavor = keystone\n[keystone_authtoken]\n{account}\n")
    status, said = run(command, "--data", str(tmp_path), "--config-file", str(file))
    assert status == 1
    assert any(line.startswith(complaint) for line in said), said


@pytest.mark.parametrize("command", ["serve", "api", "conductor", "db upgrade"])
def test_a_wrong_value_names_file_section_and_option(tmp_path: Path, command: str) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text("[taskflow_executor]\nmax_workers = many\n")
    status, said = run(*command.split(), "--data", str(tmp_path), "--config-file", str(file))
    assert status == 1
    assert len(said) == 1
    for part in (str(file), "taskflow_executor", "max_workers", "many"):
        assert part in said[0]


def test_options_without_meaning_are_one_warning(tmp_path: Path) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text("[DEFAULT]\nbind_host = 192.0.2.1\nowner_is_tenant = true\n[nonsense]\nx = 1\n")
    status, said = run("serve", "--data", str(tmp_path), "--config-file", str(file))
    assert status == 1
    (warning,) = [line for line in said if "warning" in line]
    assert "owner_is_tenant" in warning


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = run("serve", "--data", str(tmp_path), "--port", str(port))
    assert status == 1
    assert said == [
        f"glimpse: port {port} on 127.0.0.1 is taken by another process",
        "  Choose another: --port",
    ]


def test_a_data_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, said = run("db", "upgrade", "--data", str(tmp_path / "file" / "data"))
    assert status == 1
    assert said[0].startswith(f"glimpse: the data directory {tmp_path / 'file' / 'data'} cannot be made")


@pytest.mark.parametrize("command", ["db upgrade", "serve --port {port}"])
def test_the_database_of_another_program_is_told(tmp_path: Path, command: str) -> None:
    with closing(sqlite3.connect(tmp_path / "glimpse.db")) as theirs, theirs:
        theirs.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        theirs.execute("INSERT INTO alembic_version VALUES ('2023_1_expand01')")
    status, said = run(*command.format(port=free_port()).split(), "--data", str(tmp_path))
    assert status == 1
    refusal, hint = said
    assert refusal.startswith(f"glimpse: The database sqlite:///{tmp_path / 'glimpse.db'} has the schema of")
    assert "2023_1_expand01" in refusal
    assert hint.startswith("  Give it a new, empty database")


def test_exit_is_about_an_import() -> None:
    status, said = run("serve", "--exit")
    assert status == 2
    assert said[-1] == "Error: --exit needs --import"


def test_glance_api_without_a_configuration_says_what_to_do(tmp_path: Path) -> None:
    status, said = run(module="glimpse.cli.glance_api", env={"OS_GLANCE_CONFIG_DIR": str(tmp_path)})
    assert status == 2
    assert f"there is no configuration in {tmp_path}" in said[-1]


def test_glance_api_reads_the_usual_places_the_later_winning(tmp_path: Path) -> None:
    drop_ins = tmp_path / "glance-api.conf.d"
    drop_ins.mkdir()
    (tmp_path / "glance-image-import.conf").write_text("[DEFAULT]\nbind_host = 192.0.2.1\nworkers = x\n")
    (tmp_path / "glance-api.conf").write_text("[DEFAULT]\nbind_host = 192.0.2.2\nworkers = 2\n")
    env = {"OS_GLANCE_CONFIG_DIR": str(tmp_path)}
    data = ("--data", str(tmp_path / "data"), "--log-file", "/var/log/glance/api.log")
    status, said = run(*data, module="glimpse.cli.glance_api", env=env)
    assert status == 1
    assert said[0] == "glance-api: warning: log options are ignored; messages go to standard error"
    assert "does not listen on 192.0.2.2" in said[1]
    (drop_ins / "50-host.conf").write_text("[DEFAULT]\nbind_host = 192.0.2.3\n")
    assert "does not listen on 192.0.2.3" in run(*data, module="glimpse.cli.glance_api", env=env)[1][1]


@pytest.mark.parametrize("command", ["serve", "api"])
@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        (
            "policy.yaml",
            '"get_image": "role:a and ("',
            "glimpse: The rule get_image in {} cannot be understood",
        ),
        ("protections.conf", "[^hw_]\ncreate = @\n", "glimpse: {}: [^hw_] lacks read."),
    ],
)
def test_rules_that_cannot_be_understood_stop_the_start(
    tmp_path: Path, command: str, name: str, text: str, complaint: str
) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text("[DEFAULT]\nproperty_protection_file = protections.conf\n")
    (tmp_path / "protections.conf").write_text("")
    (tmp_path / name).write_text(text)
    status, said = run(command, "--data", str(tmp_path / "data"), "--config-file", str(file))
    assert status == 1
    (told,) = [line for line in said if line.startswith("glimpse: ")]
    assert told.startswith(complaint.format(tmp_path / name))
    assert not any("Traceback" in line for line in said)


@pytest.mark.parametrize("command", ["serve", "api"])
@pytest.mark.parametrize(
    ("section", "schema", "complaint"),
    [
        ("[DEFAULT]\nuse_keystone_limits = true", "{}", "[oslo_limit] names none"),
        (
            "[key_manager]\nbackend = safe",
            "{}",
            "[key_manager] backend = safe: there is no such key manager.",
        ),
        ("", "{", "schema-image.json cannot be read: "),
        ("", '{"colour": {"type": "hue"}}', "schema-image.json: the property colour: its type must be one"),
    ],
    ids=["limits", "key manager", "broken schema", "unknown type"],
)
def test_what_workers_could_not_begin_with_stops_the_start(
    tmp_path: Path, command: str, section: str, schema: str, complaint: str
) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(f"{section}\n")
    (tmp_path / "schema-image.json").write_text(schema)
    port = str(free_port())
    status, said = run(command, "--data", str(tmp_path / "data"), "--config-file", str(file), "--port", port)
    assert status == 1
    (told,) = [line for line in said if line.startswith("glimpse: ") and "warning" not in line]
    assert complaint in told
    assert not any("Traceback" in line for line in said)


@pytest.mark.parametrize("command", ["serve", "api"])
def test_a_certificate_that_is_not_there_is_told(tmp_path: Path, command: str) -> None:
    file = tmp_path / "glance-api.conf"
    file.write_text(f"[DEFAULT]\ncert_file = {tmp_path}/cert.pem\nkey_file = {tmp_path}/key.pem\n")
    status, said = run(command, "--data", str(tmp_path), "--config-file", str(file))
    assert status == 1
    (complaint,) = [line for line in said if "warning" not in line]
    assert complaint == (
        f"glimpse: [DEFAULT] cert_file: {tmp_path}/cert.pem cannot be read (No such file or directory)"
    )
