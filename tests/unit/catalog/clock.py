"""A clock that tests set by hand."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """Stands still; every reading is a microsecond later than the one before, so that times keep their order."""

    def __init__(self) -> None:
        self._time = START

    def __call__(self) -> datetime:
        self._time += timedelta(microseconds=1)
        return self._time

    def pass_seconds(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
