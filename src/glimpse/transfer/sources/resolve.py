"""From the name of a host to its addresses, by the system's resolver and in limited time."""

import socket
import threading
from collections.abc import Callable, Sequence
from time import monotonic

Resolve = Callable[[str], Sequence[str]]
"""Gives the addresses of a host name as text; raises OSError (``socket.gaierror``) where there are none."""

# How long a stop may go unnoticed while the name server is waited for.
_SLICE = 0.25


def system_resolve(host: str) -> list[str]:
    """The addresses of ``host`` by the system's resolver.

    The name is asked for as an absolute one: no search domain and no reading as a number applies.
    """
    found = socket.getaddrinfo(host + ".", None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def never() -> None:
    """The check of work that nobody stops."""


def within(seconds: float, resolve: Resolve = system_resolve, check: Callable[[], None] = never) -> Resolve:
    """``resolve``, given up after ``seconds`` (``gaierror`` EAI_AGAIN) or when ``check`` raises.

    It goes on in a thread of its own: the system's resolver can block for half a minute and cannot be stopped.
    """

    def ask(host: str) -> Sequence[str]:
        answers: list[Sequence[str]] = []
        errors: list[BaseException] = []
        finished = threading.Event()

        def work() -> None:
            try:
                answers.append(resolve(host))
            except BaseException as error:
                errors.append(error)
            finally:
                finished.set()

        threading.Thread(target=work, name=f"resolve-{host}", daemon=True).start()
        deadline = monotonic() + seconds
        while not finished.wait(min(_SLICE, seconds / 4)):
            check()
            if monotonic() >= deadline:
                raise socket.gaierror(
                    socket.EAI_AGAIN, f"no answer from the name server in {seconds:g} seconds"
                )
        if errors:
            raise errors[0]
        return answers[0]

    return ask
