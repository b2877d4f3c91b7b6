"""What is printed of an import, as a person reads it."""

import io

from rich.console import Console

from glimpse.cli.follow import Phase, State, Target
from glimpse.cli.show import Bars, amount, show_image


def shown(*states: State, width: int = 80) -> list[str]:
    """The last frame of the bars, without the spaces at the ends of the lines."""
    output = io.StringIO()
    with Bars(Console(file=output, width=width, force_terminal=False)) as bars:
        for state in states:
            bars.update(state)
    return [line.rstrip() for line in output.getvalue().splitlines() if line.strip()]


def test_each_phase_has_a_line_and_each_store_one_under_the_phase_that_feeds_it() -> None:
    first = State("running", targets=(Target("main", "pending"), Target("mirror", "pending")))
    phases = (
        Phase("acquire", "done", 4_500_000, 4_500_000, 0.25),
        Phase("deliver", "running", 512, 2048),
        Phase("finish", "pending"),
    )
    last = State(
        "running",
        phases,
        (Target("main", "committed", "file:///x"), Target("mirror", "failed", None, "full")),
    )
    acquire, deliver, main, mirror, finish = shown(first, last)
    assert acquire.startswith("✓ acquire")
    assert acquire.endswith("4.3 MiB  0.2 s")
    assert "deliver" in deliver
    assert deliver.endswith("512 bytes of 2.0 KiB")
    assert main.startswith("✓   → main")
    assert mirror.startswith("✗   → mirror")
    assert mirror.endswith("full")
    assert "finish" in finish


def test_bytes_of_one_store_are_shown_with_the_store() -> None:
    phases = (Phase("deliver", "running", 900, 1000), Phase("deliver:main", "running", 700, 1000))
    lines = shown(State("running", phases, (Target("main", "writing"),)))
    assert len(lines) == 2
    assert lines[1].endswith("700 bytes of 1000 bytes")


def test_markup_in_what_a_service_says_is_text() -> None:
    (line,) = shown(State("running", targets=(Target("[red]x", "failed", None, "[/] no"),)))
    assert "[red]x" in line
    assert line.endswith("[/] no")


def test_amounts_are_for_people() -> None:
    assert amount(1 << 30, None) == "1.0 GiB"
    assert amount(1 << 20, 5 << 40) == "1.0 MiB of 5.0 TiB"
    assert amount(1023, 1023) == "1023 bytes"
    assert amount(0, 1) == "0 bytes of 1 bytes"


def test_the_record_leaves_out_what_says_nothing_and_folds_no_location() -> None:
    output = io.StringIO()
    image: dict[str, object] = {
        "status": "active",
        "id": "1",
        "checksum": None,
        "tags": [],
        "os_glance_failed_import": "",
        "x": "y",
    }
    url = "file:///" + "long/" * 40
    show_image(
        Console(file=output, width=40), image, (Target("main", "committed", url), Target("b", "failed"))
    )
    assert output.getvalue().splitlines() == [
        "",
        "  id      1",
        "  status  active",
        "  x       y",
        "",
        "Where its bytes are:",
        f"  main  {url}",
    ]


def test_locations_of_a_service_without_import_records_are_found() -> None:
    output = io.StringIO()
    locations = [{"url": "rbd://1", "metadata": {"store": "ceph"}}]
    show_image(Console(file=output), {"id": "1", "locations": locations}, ())
    assert output.getvalue().splitlines()[-1] == "  ceph  rbd://1"
