"""What is made of what services tell about an import."""

import pytest

from glimpse.cli import follow as following
from glimpse.cli.client import ImageClient
from glimpse.cli.follow import Phase, State, Target, follow, from_image, from_record
from glimpse.errors import Unavailable
from tests.unit.cli.image_service import IMAGE, ImageService, record


def test_a_record_tells_phases_and_stores() -> None:
    phase = {
        "name": "deliver", "state": "done", "done": 7, "total": 7,
        "started_at": "2026-01-01T00:00:00.500000Z", "finished_at": "2026-01-01T00:00:02.000000Z",
    }  # fmt: skip
    store = {"store": "main", "state": "failed", "error": {"message": "disk full"}}
    state = from_record(record("processing", phases=[phase], stores=[store], message="delivering"))
    assert state == State(
        "running",
        (Phase("deliver", "done", 7, 7, 1.5),),
        (Target("main", "failed", None, "disk full"),),
        "delivering",
    )
    assert not state.ended


def test_a_record_of_a_failure_tells_what_to_do() -> None:
    state = from_record(record("failure", error={"message": "gone", "hint": "look"}, message="m"))
    assert (state.status, state.message, state.hint) == ("failure", "gone", "look")


@pytest.mark.parametrize(
    ("image", "task", "started", "status"),
    [
        ({"status": "queued"}, {}, False, "running"),
        ({"status": "queued"}, {}, True, "failure"),
        ({"status": "queued"}, {"status": "processing"}, True, "running"),
        ({"status": "importing"}, {"status": "processing"}, True, "running"),
        ({"status": "active"}, {}, True, "success"),
        ({"status": "active", "os_glance_importing_to_stores": "b"}, {}, True, "running"),
        ({"status": "active"}, {"status": "failure", "message": "no"}, True, "failure"),
        ({"status": "killed"}, {}, False, "failure"),
    ],
)
def test_image_and_task_tell_how_far_it_is(
    image: dict[str, object], task: dict[str, object], started: bool, status: str
) -> None:
    assert from_image(image, [task] if task else [], started).status == status


def test_stores_are_told_from_the_progress_properties() -> None:
    image: dict[str, object] = {
        "status": "active",
        "stores": "a",
        "os_glance_importing_to_stores": "b",
        "os_glance_failed_import": "c",
    }
    assert from_image(image, [], True).targets == (
        Target("a", "committed"),
        Target("b", "writing"),
        Target("c", "failed"),
    )


def test_a_deleted_image_ends_the_watch() -> None:
    with ImageService() as service, ImageClient(service.url) as client:
        states = list(follow(client, IMAGE))
    assert [(state.status, state.message) for state in states] == [("failure", "the image has been deleted")]


def test_a_service_that_is_away_for_a_moment_is_waited_for() -> None:
    with ImageService() as service, ImageClient(service.url) as client:
        service.look(
            "/import", (200, record("processing")), (503, {"message": "restarting"}), (200, record("success"))
        )
        assert [state.status for state in follow(client, IMAGE)] == ["running", "success"]


def test_a_service_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AWAY_SECONDS", 0.3)
    with ImageService() as service:
        client = ImageClient(service.url)
        service.look("/import", (200, record("processing")))
        states = follow(client, IMAGE)
        assert next(states).status == "running"
    with client, pytest.raises(Unavailable):
        next(states)
