"""What a person sees of an import: bars while it runs, then the image and where its bytes are."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from glimpse.cli.follow import Phase, State, Target

MARKS = {"pending": " ", "done": "[green]✓[/]", "committed": "[green]✓[/]", "failed": "[red]✗[/]"}

# The phase under which the stores are shown.
FEEDS = "deliver"

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")

# What the record of an image is shown with, in this order; the rest follows by name.
FIRST = ("id", "name", "status", "disk_format", "container_format", "size", "virtual_size", "checksum")
# Left out: what only programs want, what is shown as the place of the bytes, what is over by then.
LEFT_OUT = frozenset({"file", "self", "schema", "locations", "direct_url"})
TRANSIENT = "os_glance_"


class MarkColumn(ProgressColumn):
    """A spinner while something runs, then how it ended."""

    def __init__(self) -> None:
        super().__init__()
        self._spinner = SpinnerColumn()

    def render(self, task: Task) -> Text:
        """The mark for one bar."""
        state = task.fields["state"]
        if state in MARKS:
            return Text.from_markup(MARKS[state])
        spinner = self._spinner.render(task)
        return spinner if isinstance(spinner, Text) else Text(" ")


class Bars:
    """One bar for each phase and each store, moved by what is seen. Used as a context manager."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            MarkColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, state: State) -> None:
        """Show what was seen at one look."""
        within = {phase.name: phase for phase in state.phases}
        for phase in state.phases:
            if phase.name.startswith(f"{FEEDS}:"):
                continue
            self.phase(phase)
            if phase.name == FEEDS:
                for target in state.targets:
                    self._target(target, within.get(f"{FEEDS}:{target.store}"))
        if FEEDS not in within:  # a service that tells no phases: as soon as something is known of a store
            for target in state.targets:
                if target.state != "pending":
                    self._target(target, None)

    def phase(self, phase: Phase) -> None:
        """Show one phase."""
        note = ""
        if phase.done or phase.total:
            note = amount(phase.done, phase.total)
        if phase.seconds is not None:
            note += f"  {phase.seconds:.1f} s"
        self._set(phase.name, phase.state, phase.done, phase.total, note)

    def _target(self, target: Target, phase: Phase | None) -> None:
        done, total = (phase.done, phase.total) if phase else (0, None)
        note = target.error or (amount(done, total) if done else "")
        self._set(f"  → {target.store}", target.state, done, total, note)

    def _set(self, name: str, state: str, done: int, total: int | None, note: str) -> None:
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(
                escape(name), total=None, state="pending", note="", start=False
            )
        bar = self._bars[name]
        if state in ("done", "committed"):
            done = total = max(done, 1)
        elif state == "pending":
            done, total = 0, 1
        if state != "pending":
            self._progress.start_task(bar)
        self._progress.update(bar, completed=done, total=total, state=state, note=escape(note))


def amount(done: int, total: int | None) -> str:
    """How much of how much, for people."""
    return size(done) if total is None or done == total else f"{size(done)} of {size(total)}"


def size(count: int) -> str:
    """Bytes in the units that disks are made in: 1073741824 is 1.0 GiB."""
    power = min(max(count.bit_length() - 1, 0) // 10, len(UNITS) - 1)
    return f"{count} {UNITS[0]}" if power == 0 else f"{count / (1 << 10 * power):.1f} {UNITS[power]}"


def show_image(console: Console, image: Mapping[str, object], targets: tuple[Target, ...]) -> None:
    """Print the image record and where its bytes are."""
    names = [name for name in FIRST if name in image]
    names += sorted(
        name for name in image if name not in LEFT_OUT.union(FIRST) and not name.startswith(TRANSIENT)
    )
    names = [name for name in names if image[name] not in (None, "", [])]
    width = max(len(name) for name in names)
    console.print()
    for name in names:
        line(console, name, width, _value(image[name]))
    places = _places(image, targets)
    if places:
        console.print("\nWhere its bytes are:")
        width = max(len(name) for name in places)
        for name, place in places.items():
            line(console, name, width, place)


def line(console: Console, name: str, width: int, value: str) -> None:
    """One aligned line that is never folded, so that it can be copied."""
    console.print(f"  [dim]{escape(name):<{width}}[/]  {escape(value)}", soft_wrap=True)


def _places(image: Mapping[str, object], targets: tuple[Target, ...]) -> dict[str, str]:
    places = {}
    for target in targets:
        if target.state == "committed":
            places[target.store] = target.url or "(this service does not tell the location)"
    locations = image.get("locations")
    for place in locations if isinstance(locations, list) else ():
        if isinstance(place, dict):
            metadata = place.get("metadata")
            store = metadata.get("store") if isinstance(metadata, dict) else None
            places[str(store or "location")] = str(place.get("url"))
    if not places and isinstance(image.get("direct_url"), str):
        places["location"] = str(image["direct_url"])
    return places


def _value(value: object) -> str:
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
