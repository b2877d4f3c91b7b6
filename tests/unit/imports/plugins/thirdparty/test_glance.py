import sys
from pathlib import Path

import pytest

from glimpse.imports.plugins.thirdparty.glance import advice


@pytest.mark.parametrize(
    ("line", "wanted", "instead"),
    [
        ("from glance.common import exception", "glance.common.exception", "raise any exception"),
        ("import glance.common.exception", "glance.common.exception", "raise any exception"),
        ("from glance.i18n import _LE", "glance.i18n", "plain strings"),
        ("from glance.common.scripts import utils as script_utils", "glance.common.scripts", "file_path"),
        ("import glance", "glance", "taskflow"),
    ],
)
def test_who_imports_glance_is_told_what_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, wanted: str, instead: str
) -> None:
    (tmp_path / "imports_glance.py").write_text(f"{line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with pytest.raises(ImportError) as caught:
            __import__("imports_glance")
    finally:
        sys.modules.pop("imports_glance", None)
    wrapped = RuntimeError("cannot start")
    wrapped.__cause__ = caught.value
    for error in (caught.value, wrapped):
        found = advice(error)
        assert found is not None
        assert wanted in found[0]
        assert instead in found[1]


def test_other_errors_get_no_advice() -> None:
    assert advice(ImportError("no", name="glances")) is None
    assert advice(ValueError("glance")) is None
