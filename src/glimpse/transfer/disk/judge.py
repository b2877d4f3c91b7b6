"""What an inspection of bytes means: allowed or refused, and in words that its reader can act on."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from glimpse.errors import UnsafeImage

# qemu keeps a whole disk in one file only in these two kinds of vmdk; the others name further files (CVE-2022-47951).
DEFAULT_VMDK_TYPES = ("streamOptimized", "monolithicSparse")

# Formats whose content has marks of its own. For any other declared format unrecognised bytes are what they claim.
INSPECTABLE = frozenset({"raw", "qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed", "iso", "gpt", "luks"})

# A Linux kernel ends its first sector like a boot sector does and has no partition table there.
_BOOT_SECTOR_FORMATS = frozenset({"aki", "ari"})

_REASONS: Mapping[tuple[str, str], str] = {
    ("qcow2", "backing_file"): "it refers to a backing file; flatten it first (qemu-img convert)",
    (
        "qcow2",
        "data_file",
    ): "it keeps its data in an external file; make it self-contained first (qemu-img convert)",
    (
        "qcow2",
        "unknown_features",
    ): "it uses features that cannot be checked; write it anew (qemu-img convert)",
    ("qed", "banned"): "this format is never allowed; convert it to qcow2 or raw first",
    ("vmdk", "descriptor"): "its descriptor names other files or cannot be understood",
    ("vmdk", "footer"): "its footer contradicts its header",
    ("vmdk", "backing_file"): "it refers to a parent disk; flatten it first (qemu-img convert)",
    ("vhd", "complete"): "the file ends before its disk does; fetch or upload it again",
    ("vhd", "backing_file"): "it is a differencing disk with a parent; merge it first",
    ("luks", "version"): "only version 1 can be checked; declare it raw to keep it as it is",
    ("gpt", "mbr"): "its partition table is not sane",
}


@dataclass(frozen=True, slots=True)
class InspectRules:
    """What the operator demands of an image's content.

    ``require_format_match``: the content must be of the declared format. ``vmdk_allowed_types``: vmdk create types
    let in, none when empty. ``gpt_nonfatal``: names of checks that do not refuse a partitioned disk (``mbr``).
    """

    require_format_match: bool = True
    vmdk_allowed_types: Collection[str] = DEFAULT_VMDK_TYPES
    gpt_nonfatal: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a stream was found to be.

    ``format``: as in the image's ``disk_format`` (a partitioned disk is ``raw``). ``virtual_size``: bytes of the disk
    inside, None where it is not known. ``refusal``: why it must not be let in. ``warning``: what was let pass.
    """

    format: str
    virtual_size: int | None
    refusal: str | None
    warning: str | None = None

    def raise_if_refused(self) -> None:
        """Raise :class:`UnsafeImage` with the refusal, if there is one."""
        if self.refusal is not None:
            raise UnsafeImage(self.refusal)


@dataclass(frozen=True, slots=True)
class Match:
    """One format whose marks are in the stream: its disk size, and how to find the names of the checks it fails."""

    format: str
    virtual_size: int | None
    failures: Callable[[], Collection[str]]
    subtype: str = ""


def judge(declared: str | None, matches: Collection[Match], size: int, rules: InspectRules) -> Finding:
    """The outcome for a stream of ``size`` bytes that carries the marks of ``matches``."""
    found = {match.format: match for match in matches}
    # An ISO that also boots from a stick carries a partition table; a fixed VHD is a disk followed by a footer.
    fixed_vhd = "vhd" in found and found["vhd"].subtype == "fixed"
    if set(found) == {"iso", "gpt"} or (set(found) == {"vhd", "gpt"} and fixed_vhd):
        del found["gpt"]
    if len(found) > 1:
        names = " and ".join(sorted(found))
        return Finding(
            "raw", None, f"the data is {names} at once; an image must be of one format (check: polyglot)"
        )
    match = next(iter(found.values()), None)
    if match is None:
        return _of_format(declared, "raw", size, size, rules)
    if match.format == "gpt":
        finding = _of_format(declared, "gpt" if declared == "gpt" else "raw", size, size, rules)
        return finding if finding.refusal else _checked_disk(declared, match, finding, rules)
    finding = _of_format(declared, match.format, match.virtual_size, size, rules)
    if finding.refusal or declared == "raw":
        return finding
    return _checked(match, finding, rules)


def _of_format(
    declared: str | None, detected: str, virtual_size: int | None, size: int, rules: InspectRules
) -> Finding:
    """Whether data that is ``detected`` may be called ``declared``."""
    if declared is None or declared == detected:
        return Finding(detected, virtual_size, None)
    if declared == "raw":
        return Finding(detected, size, None, f"declared raw but the data is {detected}: kept as raw bytes")
    if detected == "raw" and declared not in INSPECTABLE:
        return Finding(detected, None, None)
    what = "not recognised as any disk format" if detected == "raw" else detected
    text = f"declared {declared} but the data is {what}"
    if rules.require_format_match:
        return Finding(detected, virtual_size, text)
    return Finding(detected, virtual_size, None, text)


def _checked_disk(declared: str | None, match: Match, finding: Finding, rules: InspectRules) -> Finding:
    """A partitioned disk: some of its checks may be tolerated."""
    failures = set(match.failures()) - set(rules.gpt_nonfatal)
    if declared in _BOOT_SECTOR_FORMATS:
        failures -= {"mbr"}
    return _refuse(match.format, failures, finding)


def _checked(match: Match, finding: Finding, rules: InspectRules) -> Finding:
    if match.format == "vmdk":
        allowed = {name.lower() for name in rules.vmdk_allowed_types}
        if match.subtype not in allowed:
            kinds = ", ".join(sorted(rules.vmdk_allowed_types)) or "none"
            return _with_refusal(
                finding, f"vmdk of type {match.subtype or 'unknown'} is not allowed; allowed: {kinds}"
            )
    return _refuse(match.format, set(match.failures()), finding)


def _refuse(format: str, failures: set[str], finding: Finding) -> Finding:
    if not failures:
        return finding
    texts = [
        f"{_REASONS.get((format, name), 'it cannot be checked for safety')} (check: {name})"
        for name in sorted(failures)
    ]
    kind = "partitioned disk" if format == "gpt" else f"{format} image"
    return _with_refusal(finding, f"unsafe {kind}: {'; '.join(texts)}")


def _with_refusal(finding: Finding, refusal: str) -> Finding:
    return Finding(finding.format, finding.virtual_size, refusal, finding.warning)
