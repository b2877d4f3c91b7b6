import subprocess
import sys
from pathlib import Path

from glimpse.config.reference import reference
from glimpse.config.settings import SECTION_TYPES

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run: python -m glimpse.config.reference > docs/configuration.md"


def test_every_option_is_described() -> None:
    page = reference()
    for section in SECTION_TYPES.values():
        for option in section.declared:
            assert f"| `{option.name}` | " in page


def test_run_as_a_module_it_prints_the_page() -> None:
    command = [sys.executable, "-W", "error", "-m", "glimpse.config.reference"]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == reference()
