"""``glimpse import`` against services over real HTTP."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from glimpse.cli.import_image import default_name
from glimpse.cli.main import cli
from tests.unit.cli.image_service import IMAGE, ImageService, record

RECORD = f"/v2/images/{IMAGE}"


def glimpse(*args: str) -> Result:
    """The outcome of one command, with errors of ours as the person sees them."""
    return CliRunner().invoke(cli, args, catch_exceptions=False)


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    """A qcow2 in gzip."""
    plain = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", plain, "8M"], check=True)
    packed = tmp_path / "debian-12.qcow2.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    return packed


def test_a_file_is_staged_imported_and_followed(image_file: Path) -> None:
    with ImageService() as service:
        phases = [{"name": "deliver", "state": "running", "done": 1000, "total": 2000}]
        done = [{"name": "deliver", "state": "done", "done": 2000, "total": 2000}]
        stores = [{"store": "main", "state": "committed", "url": "file:///somewhere/main/1"}]
        service.look(
            "/import",
            (200, record("processing", phases=phases)),
            (200, record("success", phases=done, stores=stores)),
        )
        service.look(
            "",
            (
                200,
                {"id": IMAGE, "name": "debian-12", "status": "active", "size": 2000, "os_distro": "debian"},
            ),
        )
        result = glimpse(
            "import", str(image_file), "--endpoint", service.url, "--store", "main", "--store", "mirror",
            "--property", "os_distro=debian", "--token", "me:mine:member",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert json.loads(service.sent("POST /v2/images")) == {
            "name": "debian-12",
            "disk_format": "qcow2",
            "container_format": "bare",
            "os_distro": "debian",
        }
        assert service.sent(f"PUT {RECORD}/stage") == image_file.read_bytes()
        assert json.loads(service.sent(f"POST {RECORD}/import")) == {
            "method": {"name": "glance-direct"},
            "stores": ["main", "mirror"],
        }
        assert service.headers["x-auth-token"] == "me:mine:member"
    shown = result.output.splitlines()
    assert "  status     active" in shown
    assert "  os_distro  debian" in shown
    assert shown[-2:] == ["Where its bytes are:", "  main  file:///somewhere/main/1"]


def test_a_url_is_left_to_the_service(tmp_path: Path) -> None:
    with ImageService() as service:
        service.look("/import", (200, record("success")))
        service.look("", (200, {"id": IMAGE, "status": "active"}))
        result = glimpse(
            "import", "https://user:secret@images.example/x/cirros.img?a=b", "--disk-format", "qcow2",
            "--all-stores", "--name", "c", "--endpoint", service.url + "/v2/",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert json.loads(service.sent(f"POST {RECORD}/import")) == {
            "method": {"name": "web-download", "uri": "https://user:secret@images.example/x/cirros.img?a=b"},
            "all_stores": True,
        }
    assert "secret" not in result.output


def test_a_failure_says_why_and_what_is_left() -> None:
    with ImageService() as service:
        error = {
            "stage": "acquire",
            "code": "source",
            "message": "HTTP 404 from http://x/",
            "hint": "Look at the URL.",
        }
        service.look("/import", (200, record("failure", error=error, message="it failed")))
        service.look("", (200, {"id": IMAGE, "status": "queued"}))
        result = glimpse("import", "http://x/", "--disk-format", "raw", "--endpoint", service.url)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "glimpse: the import failed: HTTP 404 from http://x/",
        "  Look at the URL.",
        f"  Image {IMAGE} stays, queued; it can be imported again, or deleted.",
    ]


def test_a_refused_upload_is_a_failure(image_file: Path) -> None:
    with ImageService() as service:
        service.answers[f"PUT {RECORD}/stage"] = (413, {"message": "Too large.<br /><br />", "code": "413"})
        service.look("", (200, {"id": IMAGE, "status": "queued"}))
        result = glimpse("import", str(image_file), "--endpoint", service.url)
    assert result.exit_code == 1
    assert "the import failed: HTTP 413: Too large.\n" in result.stderr


def test_a_service_without_import_records_is_followed_by_image_and_tasks() -> None:
    with ImageService() as service:
        service.look(
            "",
            (200, {"id": IMAGE, "status": "queued"}),
            (200, {"id": IMAGE, "status": "importing", "os_glance_importing_to_stores": "a,b"}),
            (200, {"id": IMAGE, "status": "active", "stores": "a", "os_glance_importing_to_stores": "b"}),
            (200, {"id": IMAGE, "status": "active", "stores": "a,b", "direct_url": "rbd://1"}),
        )
        result = glimpse("import", "http://x/", "--disk-format", "raw", "--endpoint", service.url)
        looks = [path for method, path, _ in service.requests if method == "GET"]
    assert result.exit_code == 0, result.output
    assert looks.count(RECORD) == 5  # four to follow, one to show
    assert "  a  (this service does not tell the location)" in result.output


def test_a_failed_task_of_such_a_service_is_told() -> None:
    with ImageService() as service:
        service.look("", (200, {"id": IMAGE, "status": "queued"}))
        service.look(
            "/tasks", (200, {"tasks": [{"status": "failure", "message": "no route", "created_at": "2"}]})
        )
        result = glimpse("import", "http://x/", "--disk-format", "raw", "--endpoint", service.url)
    assert result.exit_code == 1
    assert "the import failed: no route\n" in result.stderr


def test_a_method_that_is_not_offered_is_not_tried(image_file: Path) -> None:
    with ImageService(methods="web-download") as service:
        service.look("", (200, {"id": IMAGE, "status": "queued"}))
        result = glimpse("import", str(image_file), "--endpoint", service.url)
        assert not any(path.endswith(("/stage", "/import")) for _, path, _ in service.requests)
    assert result.exit_code == 1
    assert "does not offer the import method glance-direct, only web-download" in result.stderr


def test_ctrl_c_stops_following_only(image_file: Path) -> None:
    with ImageService() as service:
        service.look("/import", (200, record("processing")))
        command = [sys.executable, "-m", "glimpse.cli", "import", str(image_file), "--endpoint", service.url]
        with subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            # Whoever runs the tests in the background of a shell ignores Ctrl-C, and so would the command.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            try:
                while not any(
                    path.endswith("/import") and method == "GET" for method, path, _ in service.requests
                ):
                    assert process.poll() is None
                    os.sched_yield()
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 130
    assert said.strip() == "glimpse: no longer following; what the service has accepted goes on there"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["no-such-file"], "no-such-file is neither a file nor an http(s) URL"),
        (["ftp://x/y"], "ftp://x/y is neither a file nor an http(s) URL"),
        ([__file__, "--store", "a", "--all-stores"], "--store and --all-stores exclude each other"),
        ([__file__, "--property", "novalue"], "--property novalue: a property is given as KEY=VALUE"),
    ],
)
def test_wrong_arguments_are_told_at_once(args: list[str], message: str) -> None:
    result = glimpse("import", *args, "--endpoint", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert result.stderr.endswith(f"Error: {message}\n")


def test_a_format_that_cannot_be_told_is_asked_for(image_file: Path) -> None:
    command = [sys.executable, "-m", "glimpse.cli", "import", __file__]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        f"glimpse: the beginning of {__file__} does not tell what disk format it is",
        "  Say what it is: --disk-format",
    ]


def test_nobody_at_the_endpoint_is_one_clear_line(image_file: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "glimpse.cli",
        "import",
        str(image_file),
        "--endpoint",
        "http://127.0.0.1:1",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("glimpse: the Image service at http://127.0.0.1:1 does not answer: ")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("/x/debian-12.qcow2.gz", "debian-12"),
        ("https://h/p/cirros-0.6.2.img?token=1", "cirros-0.6.2"),
        ("plain", "plain"),
        ("https://h/", "image"),
    ],
)
def test_an_image_is_named_after_its_file(what: str, name: str) -> None:
    assert default_name(what) == name
