"""Records are for everybody, so they must cost nothing."""

import subprocess
import sys


def test_records_load_without_sqlalchemy() -> None:
    code = "import sys, glimpse.catalog.records; print(sorted(m for m in sys.modules if 'sqlalchemy' in m))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
