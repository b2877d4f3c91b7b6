from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glimpse import config
from glimpse.access.caller import Caller
from glimpse.catalog.records import ImportRecord
from glimpse.imports.plugins import load
from tests.engine import Engine, engine_in

RAW = bytes(range(256)) * 256
Start = Callable[[str], Engine]


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Start]:
    """An engine whose plugin is configured by the text of a file, as operators do it."""
    made: list[object] = []

    def start(section: str) -> Engine:
        file = tmp_path / "glance-image-import.conf"
        file.write_text(
            "[image_import_opts]\nimage_import_plugins = ['inject_image_metadata']\n"
            f"[inject_metadata_properties]\n{section}\n"
        )
        context = engine_in(tmp_path / "data", {})
        engine = context.__enter__()
        made.append(context)
        engine.plugins = load(["inject_image_metadata"], config.load([file], data=tmp_path / "other"))
        return engine

    yield start
    for context in made:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


def imported(engine: Engine, *roles: str, fails: bool = False, **properties: str) -> dict[str, str | None]:
    """The properties that a user with these roles finds after an import."""
    image = engine.create("qcow2" if fails else "raw", properties=properties)
    engine.stage(image, RAW)
    caller = Caller(user_id="u", project_id="p", roles=frozenset(roles), is_admin=True, request_id="r")
    with engine.conducting():
        body = {"method": {"name": "glance-direct"}}
        begun: ImportRecord = engine.service.start(engine.catalog.images.get(image.id), body, None, caller)
        assert engine.ended(begun).status == ("failure" if fails else "success")
    found = engine.catalog.images.get(image.id).properties
    return {name: value for name, value in found.items() if not name.startswith("os_glance")}


@pytest.mark.parametrize(
    "inject",
    [
        "inject = property1:value1,property2:a:b",
        'inject = "property1":"value1","property2":"a:b"',
        "inject = 'property1':'value1', 'property2':'a:b'",
    ],
)
def test_properties_are_injected_however_they_are_quoted(configured: Start, inject: str) -> None:
    engine = configured(inject)
    assert imported(engine, "member", property1="mine", other="kept") == {
        "property1": "value1",
        "property2": "a:b",
        "other": "kept",
    }


@pytest.mark.parametrize(
    ("ignored", "roles", "injected"),
    [
        ("", ("member",), True),
        ("", ("admin", "member"), False),
        ("ignore_user_roles = reader, Service", ("service", "member"), False),
        ("ignore_user_roles = reader, Service", ("admin", "member"), True),
        ("ignore_user_roles =", ("admin", "member"), True),
    ],
)
def test_users_with_some_roles_are_spared(
    configured: Start, ignored: str, roles: tuple[str, ...], injected: bool
) -> None:
    engine = configured(f"{ignored}\ninject = a:1")
    assert imported(engine, *roles) == ({"a": "1"} if injected else {})


def test_a_failure_gives_back_what_the_user_had(configured: Start) -> None:
    engine = configured("inject = had:new,had_not:new")
    assert imported(engine, "member", fails=True, had="mine", other="kept") == {
        "had": "mine",
        "other": "kept",
    }


def test_names_of_the_service_are_never_injected(configured: Start) -> None:
    engine = configured("inject = os_glance_failed_import:all,os_glance:x,fine:1")
    image = engine.create()
    engine.stage(image, RAW)
    with engine.conducting():
        assert engine.ended(engine.start(image)).status == "success"
    properties = engine.catalog.images.get(image.id).properties
    assert properties["fine"] == "1"
    assert properties["os_glance_failed_import"] == ""
    assert "os_glance" not in properties
