import threading

import pytest

from glimpse.errors import Cancelled
from glimpse.transfer.sources.guard import Guard


def test_closing_releases_once() -> None:
    released: list[int] = []
    guard = Guard(lambda: released.append(1))
    guard.close()
    guard.close()
    assert released == [1]
    with pytest.raises(Cancelled), guard.use():
        pass


def test_what_is_in_use_is_released_by_its_user() -> None:
    released: list[int] = []
    guard = Guard(lambda: released.append(1))
    with guard.use():
        guard.close()
        assert released == []
    assert released == [1]


def test_it_is_released_once_whoever_comes_last() -> None:
    for _ in range(300):
        released: list[int] = []
        guard = Guard(lambda done=released: done.append(1))  # type: ignore[misc]
        start = threading.Barrier(3)

        def use(guard: Guard = guard, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                for _ in range(5):
                    with guard.use():
                        pass
            except Cancelled:
                pass

        def close(guard: Guard = guard, start: threading.Barrier = start) -> None:
            start.wait()
            guard.close()

        workers = [threading.Thread(target=work) for work in (use, close, close)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert released == [1]
