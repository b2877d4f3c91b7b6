"""The manifest of an OVA (OVF specification, DSP0243, 2.3 and 5): digests of the files that stand beside it."""

import re
from collections.abc import Iterator

from glimpse.errors import Invalid
from glimpse.transfer.archive.member import shown
from glimpse.transfer.digest import Digests
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import close

_LINE = re.compile(r"(SHA1|SHA256|SHA512) *\((.+)\) *= *([0-9a-f]+)", re.IGNORECASE)
# The root of an OVF descriptor.
_ENVELOPE = re.compile(rb"<(\w+:)?Envelope\b")
_ALGORITHMS = ("sha1", "sha256", "sha512")


class Manifest:
    """What is known of the members' digests so far; the manifest may stand before the disk or behind it."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], set[str]] = {}  # by algorithm and name
        self._announced = False
        self._found: dict[str, str] = {}

    def see(self, data: bytes) -> None:
        """Look at a small member: it may be the manifest, or the descriptor that one belongs to."""
        if _ENVELOPE.search(data):
            self._announced = True
            return
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
        matches = [_LINE.fullmatch(line) for line in lines]
        named = [match.groups() for match in matches if match]
        if len(named) < len(lines):
            return  # something else
        for algorithm, name, digest in named:
            self._digests.setdefault((algorithm.lower(), _plain(name)), set()).add(digest.lower())

    def watch(self, chunks: Iterator[Buffer], name: str) -> Iterator[Buffer]:
        """``chunks``, the content of the member ``name``, hashed as far as :meth:`check` may need it.

        Where only an OVF descriptor was seen, its manifest may come behind the disk, with any algorithm.
        """
        wanted = {algorithm for algorithm, named in self._digests if named == _plain(name)}
        if not wanted and self._announced and not self._digests:
            wanted = set(_ALGORITHMS)
        with Digests(sorted(wanted)) as digests:
            try:
                for chunk in chunks:
                    digests.feed(chunk)
                    yield chunk
                self._found = digests.result()
            finally:
                close(chunks)

    def check(self, name: str) -> None:
        """Raise Invalid where the manifest names another digest than the disk ``name`` has."""
        for algorithm, found in self._found.items():
            named = self._digests.get((algorithm, _plain(name)), {found})
            if named != {found}:
                raise Invalid(
                    f"The disk '{shown(name)}' is damaged: its {algorithm} is {found}, and the archive's manifest "
                    f"says {' and '.join(sorted(named))[:200]}."
                )


def _plain(name: str) -> str:
    return name.removeprefix("./")
