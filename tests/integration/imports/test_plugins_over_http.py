"""Packed disk images through the whole service: what is stored is the same disk, and the record tells of what is stored.

Every pair of packing and target, of source format and target, of method and packing, and of method and source format;
what is stored is judged by plain tools.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from glimpse.testing.httpserver import HttpServer, Reply
from tests.integration.imports.packed import DATA, PACKINGS, SIZE, SOURCES, make_image, make_raw, pack, run
from tests.integration.imports.service import Service

TARGETS = ("raw", "qcow2", "vmdk", "vdi", "vhd")
SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """One import."""

    method: str
    packing: str
    source: str


def cases(target: str) -> list[Case]:
    """The imports with this target: each packing once, each source format twice, by the one method and the other."""
    shift = TARGETS.index(target)
    sources = tuple(SOURCES)
    return [
        Case(
            ("glance-direct", "web-download")[(number // 2 + shift) % 2],
            packing,
            sources[(number + shift) % len(sources)],
        )
        for number, packing in enumerate(PACKINGS)
    ]


def test_the_selection_covers_what_it_says() -> None:
    made = [(target, case) for target in TARGETS for case in cases(target)]
    assert {(target, case.packing) for target, case in made} == {(t, p) for t in TARGETS for p in PACKINGS}
    assert {(target, case.source) for target, case in made} == {(t, s) for t in TARGETS for s in SOURCES}
    methods = ("glance-direct", "web-download")
    assert {(case.method, case.packing) for _, case in made} == {(m, p) for m in methods for p in PACKINGS}
    assert {(case.method, case.source) for _, case in made} == {(m, s) for m in methods for s in SOURCES}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    raw = make_raw(tmp_path_factory.mktemp("images") / "disk.plain")
    return {"plain": raw, **{name: make_image(raw, name) for name in SOURCES}}


@pytest.fixture(params=TARGETS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    overrides = {
        "image_import_opts.image_import_plugins": ["image_decompression", "image_conversion"],
        "image_conversion.output_format": request.param,
        "taskflow_executor.max_workers": len(PACKINGS),
        # Nobody dies here, and all at once may be slow.
        "glimpse.upload_lease": 30.0,
        "glimpse.claim_lease": 30.0,
        "glimpse.web_stall_timeout": 30.0,
    }
    with Service(tmp_path / "data", overrides) as running:
        running.conduct()
        yield running


def test_the_stored_disk_is_the_one_that_came_in(service: Service, images: Mapping[str, Path]) -> None:
    target = service.settings.image_conversion.output_format
    chosen = cases(target)
    packed = {case: pack(images[case.source], case.packing) for case in chosen}
    with HttpServer({f"/{case.packing}": Reply(packed[case]) for case in chosen}) as server:
        # All are there before the first begins, and all go on at once.
        ids = {case: service.create(**declared(case)) for case in chosen}
        for case, image_id in ids.items():
            if case.method == "glance-direct":
                answer = service.put(image_id, packed[case], "stage")
                assert answer.status_code == 204, answer.text
        for case, image_id in ids.items():
            uri = {"uri": server.url(f"/{case.packing}")} if case.method == "web-download" else {}
            assert service.begin(image_id, case.method, all_stores=True, **uri) == 202
        service.wait(lambda: all(ended(service, image_id) for image_id in ids.values()), SECONDS)
    for case, image_id in ids.items():
        record = service.record(image_id)
        assert record["status"] == "success", (case, record)
        check(service, image_id, target, images["plain"])
    service.wait(lambda: not service.catalog.jobs.list())
    stored = {f"stores/{store}/{image_id}" for store in ("main", "mirror") for image_id in ids.values()}
    assert service.files() == stored, "staging is empty, and nothing else is in the stores"


def declared(case: Case) -> dict[str, object]:
    """What a user would say of it."""
    container = "ova" if case.packing == "ova" and case.source != "raw" else "bare"
    return {"name": str(case), "disk_format": case.source, "container_format": container}


def ended(service: Service, image_id: str) -> bool:
    return service.record(image_id)["status"] in ("success", "failure")


def check(service: Service, image_id: str, target: str, raw: Path) -> None:
    """The image's record beside its objects."""
    image = service.show(image_id)
    assert sorted(str(image["stores"]).split(",")) == ["main", "mirror"]
    for store in ("main", "mirror"):
        file = service.data / "stores" / store / image_id
        kind = "vpc" if target == "vhd" else target
        found = json.loads(run("qemu-img", "info", "-f", kind, "--output=json", file))
        assert image == {
            **image,
            "status": "active",
            "disk_format": target,
            "container_format": "bare",
            "size": file.stat().st_size,
            "virtual_size": found["virtual-size"],
            "checksum": run("md5sum", file).split()[0].decode(),
            "os_hash_algo": "sha512",
            "os_hash_value": run("sha512sum", file).split()[0].decode(),
            "os_glance_importing_to_stores": "",
            "os_glance_failed_import": "",
        }
        assert found["virtual-size"] == SIZE
        run("qemu-img", "compare", "-f", "raw", "-F", kind, raw, file)
        if target == "raw":
            assert file.stat().st_blocks * 512 <= DATA + 4096, "zeros stay zeros"
