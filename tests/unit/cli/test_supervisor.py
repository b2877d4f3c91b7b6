"""The supervisor, watched from outside: real processes, real signals."""

import os
import signal
import time

from tests.unit.cli.supervised import STUBBORN, WAITS, Supervised, gone


def test_a_killed_child_is_started_again() -> None:
    with Supervised({"api": WAITS}) as service:
        first = service.up()
        service.line("says: ready")
        os.kill(first, signal.SIGKILL)
        assert (
            service.line("says: ") == f"api (pid {first}) was killed by SIGKILL; starting it again in 0.25 s"
        )
        assert service.up() != first


def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    with Supervised({"api": WAITS, "conductor": "echo up $$; sleep 0.05; exit 3"}) as service:
        service.line("says: ready")
        delays = [service.line("says: conductor").rpartition("again in ")[2] for _ in range(3)]
        assert delays == ["0.25 s", "0.5 s", "1 s"]


def test_workers_of_a_dead_child_do_not_live_on() -> None:
    worker = "sleep 600 & echo worker $!; echo up $$; wait"
    with Supervised({"api": worker}) as service:
        grandchild = int(service.line("worker "))
        child = service.up()
        service.line("says: ready")
        os.kill(child, signal.SIGKILL)
        assert gone(grandchild)


def test_children_stop_when_the_supervisor_is_killed() -> None:
    with Supervised({"api": WAITS, "conductor": WAITS}) as service:
        children = [service.up(), service.up()]
        service.process.kill()
        assert all(gone(child) for child in children)


def test_sigterm_stops_everything_with_status_0() -> None:
    with Supervised({"api": WAITS, "conductor": WAITS}) as service:
        children = [service.up(), service.up()]
        service.line("says: ready")
        started = time.monotonic()
        service.process.terminate()
        assert service.ends() == 0
        assert time.monotonic() - started < 5
        assert all(gone(child) for child in children)


def test_a_child_that_does_not_stop_is_killed_at_the_deadline() -> None:
    with Supervised({"api": WAITS, "conductor": STUBBORN}, stop_seconds=0.3) as service:
        children = [service.up(), service.up()]
        service.line("says: ready")
        service.process.terminate()
        assert service.line("says: conductor") == " did not stop in time; killing"
        assert service.ends() == 0
        assert all(gone(child) for child in children)


def test_asked_twice_it_does_not_wait() -> None:
    with Supervised({"conductor": STUBBORN}, stop_seconds=600) as service:
        child = service.up()
        service.line("says: ready")
        service.process.send_signal(signal.SIGINT)
        assert service.line("says: ") == "stopping (SIGINT)"
        service.process.send_signal(signal.SIGINT)
        assert service.ends() == 0
        assert gone(child)


def test_a_child_that_cannot_start_ends_the_service() -> None:
    with Supervised({"api": "exit 1", "conductor": WAITS}, ready=False) as service:
        assert service.line("says: ") == "stopping (api ended with status 1 before the service was ready)"
        assert service.ends() == 1
        assert service.nobody_left()


def test_the_first_act_comes_when_the_service_is_ready_and_its_status_is_the_end() -> None:
    with Supervised({"api": WAITS}, act="echo acting; exit 7", end=True) as service:
        service.line("acting")
        assert "says: ready" in service.seen
        assert service.ends() == 7


def test_after_its_first_act_the_service_goes_on_and_does_not_repeat_it() -> None:
    with Supervised({"api": WAITS}, act="echo acting; exit 7") as service:
        first = service.up()
        service.line("acting")
        os.kill(first, signal.SIGKILL)
        service.up()
        service.process.terminate()
        assert service.ends() == 0
        assert service.seen.count("acting") == 1


def test_a_running_first_act_is_stopped_with_the_rest() -> None:
    with Supervised({"api": WAITS}, act="echo acting $$; exec sleep 600") as service:
        act = int(service.line("acting "))
        service.process.terminate()
        assert service.ends() == 0
        assert gone(act)
