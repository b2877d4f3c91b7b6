"""The thread that a confined child lives with: it starts the child, feeds it, and stays until it is over."""

import contextlib
import fcntl
import os
import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from glimpse.transfer import confine
from glimpse.transfer.archive import program
from glimpse.transfer.child import Child
from glimpse.transfer.extent import Buffer
from glimpse.transfer.faults import explain
from glimpse.transfer.streams import CLOSE_WAIT, close

PROGRAM = Path(program.__file__)

# The most that Linux lets anybody have. A tar of 1 GiB takes 1.0 s and 0.5 s of processor time; with the default of
# 64 KiB 2.4 s and 1.1 s.
PIPE = 1 << 20
# 7z and lzma want a dictionary as large as their header says: 256 MiB with the tool's strongest setting, and a hostile
# one says 4 GiB.
ADDRESS_SPACE = 1 << 30
# The seconds of processor time that a child begins with. It earns more as it gives bytes (see :mod:`program`): so one
# that spins is stopped, and none that works. A child that was taken over could help itself to MOST_CPU, three days.
FIRST_CPU = 60
MOST_CPU = 3 * 86400


class Keeper:
    """Runs :mod:`program` for an archive that comes as ``source``: chunks, or the descriptor of an open file.

    A child dies with the thread that started it, and whoever reads from it may do so from any thread: hence this one.
    It takes over ``source``, and closes an iterator in its own thread.
    """

    def __init__(
        self,
        format: str,
        source: Iterable[Buffer] | int,
        *,
        confinement: confine.Confinement,
        script: Path = PROGRAM,
    ) -> None:
        self.moved = 0  # Bytes that were fed.
        self.waiting = False  # Whether the source has nothing to feed at the moment.
        # Why the child did not start, or was not fed to the end (unless it was itself at its end by then).
        self.error: BaseException | None = None
        self.fed = threading.Event()
        self.output, self._output_end = _pipe()
        self._format = format
        self._source = source
        self._confinement = confinement
        self._script = script
        self._child: Child | None = None
        self._started = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"glimpse-{format}", daemon=True)
        self._thread.start()

    def child(self) -> Child:
        """The running child. Raises what kept it from starting."""
        self._started.wait()
        if self._child is None:
            assert self.error is not None
            raise explain(self.error, f"starting the reader of the {self._format} archive")
        return self._child

    def close(self) -> None:
        """Kill the child, and end the thread unless it waits for its source: then it ends when that answers."""
        self._started.wait()
        self._over.set()
        if self._child is not None:
            self._child.stop()
        os.close(self.output)
        self._thread.join(CLOSE_WAIT)

    def _run(self) -> None:
        try:
            if isinstance(self._source, int):
                self._start(self._source)
            else:
                self._start_and_feed(self._source)
        except BaseException as error:
            self.error = error
        finally:
            self._close_output_end()
            self._started.set()
            self.fed.set()
        self._over.wait()

    def _start(self, stdin: int) -> None:
        self._child = confine.spawn(
            [_interpreter(), "-I", "-S", "-B", confine.Input(self._script), self._format],
            confinement=self._confinement,
            limits=confine.ChildLimits(FIRST_CPU, ADDRESS_SPACE, cpu_most=MOST_CPU),
            stdin=stdin,
            stdout=self._output_end,
            needs=list(dict.fromkeys(_standard_library())),
        )
        self._close_output_end()
        self._started.set()

    def _close_output_end(self) -> None:
        """The child's own is left, so that its end is the pipe's."""
        if self._output_end >= 0:
            os.close(self._output_end)
            self._output_end = -1

    def _start_and_feed(self, source: Iterable[Buffer]) -> None:
        upstream = iter(source)
        try:
            theirs, ours = _pipe()
            try:
                try:
                    self._start(theirs)
                finally:
                    os.close(theirs)
                self._feed(upstream, ours)
            except BaseException as error:
                self.error = error  # before the child sees its input end, and says that it was cut short
            finally:
                os.close(ours)
        finally:
            close(upstream)

    def _feed(self, upstream: Iterator[Buffer], stdin: int) -> None:
        while (chunk := self._next(upstream)) is not None:
            view = memoryview(chunk)
            while view:
                try:
                    written = os.write(stdin, view)
                except BrokenPipeError:
                    return  # The child has ended: what it said counts.
                view = view[written:]
                self.moved += written

    def _next(self, upstream: Iterator[Buffer]) -> Buffer | None:
        self.waiting = True
        try:
            return next(upstream, None)
        finally:
            self.waiting = False


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    with contextlib.suppress(OSError):  # one user's pipes may only hold so much together
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE)
    return reading, writing


def _interpreter() -> str:
    """This interpreter itself: in a virtual environment its name is a link."""
    return str(Path(sys.executable).resolve())


def _standard_library() -> Iterator[Path]:
    """Where the interpreter keeps what it needs to run, also when it is not the system's own."""
    yield Path(sysconfig.get_path("stdlib")).resolve()
    yield Path(sysconfig.get_path("platstdlib", vars={"platbase": sys.base_exec_prefix})).resolve()
    name = str(sysconfig.get_config_var("INSTSONAME"))
    for place in (str(sysconfig.get_config_var("LIBDIR")), f"{sys.base_prefix}/lib"):
        shared = Path(place, name)
        if ".so" in name and shared.is_file():
            yield shared.resolve()
