"""Runs a program that parses hostile bytes where it can reach nothing else.

With bubblewrap: namespaces of its own, no network, and a file-system view of system libraries, the program, its
inputs (read-only) and its outputs. Where that does not work: resource limits, no capabilities, and as far as we may,
no network and another user. In both: no environment, limits on CPU, memory and file size, and death with its parent.
"""

import functools
import os
import shutil
import socket
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glimpse.errors import Unavailable
from glimpse.transfer.child import Child

# Where the dynamic loader finds what programs need; nothing else of the host is seen.
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib32", "/lib64")
_SEARCH_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin"
_NOBODY = 65534
# glibc reserves 64 MiB of address space for each arena, by default 8 arenas for each core: on a machine with many
# cores the limit on address space would be hit by that alone.
_ENVIRONMENT = {"PATH": _SEARCH_PATH, "LC_ALL": "C", "MALLOC_ARENA_MAX": "4"}
_PROBE_SECONDS = 10.0
# systemd's socket activation wants the listening socket as descriptor 3, and the reader's own process id.
_HAND_OVER_LISTENER = 'exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'


class ToolMissing(Unavailable):
    """A program that this host needs is not installed."""

    code = "tool-missing"
    retryable = False


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may use: CPU seconds, bytes of address space, bytes of any file it writes.

    ``cpu_most``: how far a program of ours may raise its own ``cpu_seconds`` as it gets on with its work.
    """

    cpu_seconds: int
    address_space: int
    file_size: int = 1 << 20
    cpu_most: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """An argument that names a file to read. ``label`` stands for it in messages.

    ``options`` come before the name, in qemu's way of writing options, where a comma in a name is doubled.
    """

    path: Path
    label: str = "the image"
    options: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """An argument that names an existing file or directory to write to."""

    path: Path
    label: str = "the result"


Argument = str | Input | Output


@dataclass(frozen=True, slots=True)
class Confinement:
    """How children are confined on this host. ``warning`` says what is missing, for the operator's log, once."""

    bubblewrap: str | None = None
    own_network: bool = False
    own_user: bool = False
    warning: str | None = None


@functools.cache
def default() -> Confinement:
    """What :func:`probe` finds, looked up once in a process."""
    return probe()


def probe(*, bubblewrap: bool = True) -> Confinement:
    """The best confinement that works here, found by trying. ``bubblewrap=False`` does without it."""
    reason = "it is switched off"
    if bubblewrap:
        program = shutil.which("bwrap", path=_SEARCH_PATH)
        reason = "it is not installed"
        if program is not None:
            confinement = Confinement(bubblewrap=program)
            failure = _try(confinement)
            if failure is None:
                return confinement
            reason = f"it does not work here: {failure}"
    plain = Confinement(own_network=os.geteuid() == 0, own_user=os.geteuid() == 0)
    if plain.own_network and _try(plain) is not None:
        plain = replace(plain, own_network=False)
    kept = ["resource limits"] + ["no network"] * plain.own_network + ["another user"] * plain.own_user
    warning = (
        f"disk images and archives are parsed without bubblewrap ({reason}), with {', '.join(kept)} only; "
        "install bubblewrap and allow user namespaces"
    )
    return replace(plain, warning=warning)


def spawn(
    argv: Sequence[Argument],
    *,
    confinement: Confinement,
    limits: ChildLimits,
    listener: socket.socket | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    needs: Collection[Path] = (),
) -> Child:
    """Start a program. It dies with the *thread* that calls this, so that thread must outlive the child.

    ``needs`` are files and directories outside the system's libraries that the program cannot do without.
    ``listener`` is handed over by systemd's socket activation, instead of ``stdin``; the caller closes its own copy.
    ``stdin`` and ``stdout`` are file descriptors, by default nothing. Raises ToolMissing.
    """
    program = _find(str(argv[0]))
    arguments = list(argv[1:])
    command = ["/bin/sh", "-c", _HAND_OVER_LISTENER, "sh"] if listener is not None else []
    command += [
        _find("prlimit"),
        f"--cpu={limits.cpu_seconds}:{max(limits.cpu_seconds, limits.cpu_most) + 5}",
        f"--as={limits.address_space}",
    ]
    command += [f"--fsize={limits.file_size}", "--core=0", "--"]
    names = {program: str(argv[0])}
    if confinement.bubblewrap is not None:
        command += [confinement.bubblewrap, *_view([Path(program), *needs])]
        if listener is not None:
            # Process 1 of the new namespace is bubblewrap's. (Were it ours, the kernel would spare it signals such as
            # the one of the CPU limit, and the reason for its end would be lost.)
            command += ["--setenv", "LISTEN_PID", "2"]
    else:
        inputs = [Input(path) for path in (Path(program), *needs)]
        command += _without_bubblewrap(confinement, [*inputs, *arguments])
    tail: list[str] = [program]
    for number, argument in enumerate(arguments):
        if isinstance(argument, str):
            tail.append(argument)
            continue
        host, inside = str(argument.path), str(argument.path)
        if confinement.bubblewrap is not None:
            inside = f"/{'in' if isinstance(argument, Input) else 'out'}/{number}"
            command += ["--ro-bind" if isinstance(argument, Input) else "--bind", host, inside]
        names[inside] = names[host] = argument.label
        if isinstance(argument, Input) and argument.options:
            inside = argument.options + inside.replace(",", ",,")
            names[inside] = argument.label
        tail.append(inside)
    if confinement.bubblewrap is not None:
        command += ["--remount-ro", "/", "--"]
    return Child.start(
        command + tail,
        environment=_ENVIRONMENT,
        stdin=listener.fileno() if listener is not None else stdin,
        stdout=stdout,
        names=names,
    )


def _view(needs: Collection[Path]) -> list[str]:
    """Bubblewrap's arguments for a place that holds ``needs`` and the libraries, and nothing else."""
    view = ["--unshare-all", "--cap-drop", "ALL", "--die-with-parent", "--chdir", "/"]
    view += ["--dev-bind", "/dev/null", "/dev/null"]
    for name in _LIBRARIES:
        path = Path(name)
        if path.is_symlink():
            view += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            view += ["--ro-bind", name, name]
    for path in needs:
        view += ["--ro-bind", str(path), str(path)]
    return view


def _without_bubblewrap(confinement: Confinement, arguments: Sequence[Argument]) -> list[str]:
    command = [_find("unshare"), "--net", "--"] if confinement.own_network else []
    command += [_find("setpriv"), "--no-new-privs", "--pdeathsig", "KILL"]
    if confinement.own_user and all(_open_to_all(argument) for argument in arguments):
        command += [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    elif confinement.own_user:
        # Only root can read the file: then at least a root that may do nothing more than a file's owner.
        command += ["--bounding-set=-all", "--inh-caps=-all"]
    return [*command, "--"]


def _open_to_all(argument: Argument) -> bool:
    """Whether any user could use the file that an argument names."""
    if isinstance(argument, str):
        return True
    path = argument.path.resolve()
    wanted = 0o4 if isinstance(argument, Input) else 0o2
    return bool(path.stat().st_mode & wanted) and all(above.stat().st_mode & 0o1 for above in path.parents)


def _find(program: str) -> str:
    found = shutil.which(program, path=_SEARCH_PATH)
    if found is None:
        raise ToolMissing(f"the program {program} is not installed", hint="install it, then try again")
    return found


def _try(confinement: Confinement) -> str | None:
    """Why a trivial program does not run under this confinement, None if it does."""
    limits = ChildLimits(cpu_seconds=10, address_space=1 << 30)
    try:
        child = spawn(["true"], confinement=confinement, limits=limits)
    except (OSError, Unavailable) as error:
        return str(error)
    try:
        status = child.wait(_PROBE_SECONDS)
        return None if status == 0 else child.errors() or f"exit status {status}"
    except subprocess.TimeoutExpired:
        return f"no answer in {_PROBE_SECONDS:.0f} s"
    finally:
        child.stop()
