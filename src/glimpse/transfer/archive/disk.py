"""Which member of an archive is the disk, found in one pass while the archive's bytes go by.

The rule: a regular file is a *disk* when it is 1 MiB or larger, or when it has the marks of a disk format. Everything
else is company: descriptors, manifests, checksums, a README. An archive holds exactly one disk; one that holds nothing
but a single regular file holds that. Names mean nothing.

So the bytes of the first disk flow as soon as it is found, and a second one behind it ends the import. (To prefer a
recognised disk to unrecognised bytes would take a second pass, or make the order of members count.)
"""

from collections.abc import Iterator

from glimpse.errors import Invalid
from glimpse.transfer.archive.manifest import Manifest
from glimpse.transfer.archive.member import Member, listed, shown
from glimpse.transfer.disk.inspect import Inspector
from glimpse.transfer.disk.judge import InspectRules
from glimpse.transfer.extent import Buffer
from glimpse.transfer.streams import close

# Smaller ones are held in memory until it is clear what they are. OVF descriptors and the BIOS settings that VMware
# adds have some KiB; no system fits into a MiB.
LARGE = 1 << 20
# Whoever packs more than this has packed something else than a disk.
MOST_MEMBERS = 1000

_DESCRIPTOR = b"# disk descriptorfile"


class NotOneDisk(Invalid):
    """The archive holds several disks, or none."""

    code = "not-one-disk"


class Disk:
    """The disk in the archive that ``told`` tells of (see :func:`~glimpse.transfer.archive.reader.read`).

    Constructing it reads until the disk is found. Raises NotOneDisk, Invalid for one that is encrypted or does not
    match its manifest, and what ``told`` raises; ``told`` is closed in any case.
    """

    def __init__(self, format: str, told: Iterator[Member | Buffer]) -> None:
        self._format = format
        self._told = told
        self._members: list[Member] = []
        self._manifest = Manifest()
        self._next: Member | None = None  # The member whose content comes next.
        try:
            self._member, self._begin = self._find()
        except BaseException:
            close(told)
            raise

    @property
    def name(self) -> str:
        """What the disk is called in the archive, as it may be shown."""
        return shown(self._member.name)

    def chunks(self) -> Iterator[Buffer]:
        """The disk's bytes. One that ends normally was the only disk, and is what the manifest says."""
        try:
            yield from self._manifest.watch(self._content(), self._member.name)
            while (member := self._regular()) is not None:
                begin, large = self._take()
                if large or self._recognised(begin):
                    raise self._not_one(f"more than one disk: '{self.name}' and '{shown(member.name)}'")
                self._manifest.see(begin)
            self._manifest.check(self._member.name)
        finally:
            close(self._told)

    def _find(self) -> tuple[Member, list[Buffer]]:
        """The first disk, and what was read of it."""
        first: tuple[Member, list[Buffer]] | None = None
        count = 0
        while (member := self._regular()) is not None:
            begin, large = self._take()
            if large or self._recognised(begin):
                return member, [begin]
            self._manifest.see(begin)
            count += 1
            first = (member, [begin]) if first is None else first
        if first is not None and count == 1:
            return first
        raise self._not_one("no disk: nothing of 1 MiB or more, and nothing with the marks of a disk format")

    def _regular(self) -> Member | None:
        """The next regular member, whatever is left of the one before being skipped; None at the end."""
        while True:
            item: Member | Buffer | None = self._next
            self._next = None
            if item is None:
                item = next(self._told, None)
            if item is None:
                return None
            if isinstance(item, Member):
                self._count(item)
                if item.regular:
                    return item

    def _count(self, member: Member) -> None:
        if member.encrypted:
            raise Invalid(f"The {self._format} archive is encrypted: '{shown(member.name)}' cannot be read.")
        self._members.append(member)
        if len(self._members) > MOST_MEMBERS:
            raise self._not_one(f"more than {MOST_MEMBERS} members")

    def _take(self) -> tuple[bytes, bool]:
        """What there is of the present member until it is known to be large, and whether it is."""
        held: list[Buffer] = []
        have = 0
        while have < LARGE and (chunk := self._chunk()) is not None:
            held.append(chunk)
            have += len(chunk)
        data = b"".join(held)
        if data[: len(_DESCRIPTOR)].lower() == _DESCRIPTOR:
            raise NotOneDisk(
                f"'{shown(self._members[-1].name)}' in the {self._format} archive describes a VMDK disk that is "
                "split into several files.",
                hint="Convert it to one file first (qemu-img convert).",
            )
        return data, have >= LARGE

    def _content(self) -> Iterator[Buffer]:
        """All bytes of the disk."""
        yield from self._begin
        self._begin.clear()
        while (chunk := self._chunk()) is not None:
            yield chunk

    def _chunk(self) -> Buffer | None:
        """The next bytes of the present member; None at its end."""
        if self._next is not None:
            return None
        item = next(self._told, None)
        if isinstance(item, Member):
            self._next = item
            return None
        return item

    def _recognised(self, data: bytes) -> bool:
        """Whether ``data``, a whole member, has the marks of a disk format. (``gpt`` is what makes them tell one.)"""
        inspector = Inspector("gpt", InspectRules())
        inspector.feed(data)
        return inspector.finish().format != "raw"

    def _not_one(self, what: str) -> NotOneDisk:
        regular = [member for member in self._members if member.regular]
        return NotOneDisk(
            f"The {self._format} archive holds {what}; seen so far: {listed(regular or self._members)}.",
            hint="Pack exactly one disk image.",
        )
