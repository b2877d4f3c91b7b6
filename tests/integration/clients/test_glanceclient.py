"""python-glanceclient's command line, unmodified."""

import json
from pathlib import Path

from tests.integration.clients.command import Command
from tests.integration.clients.conftest import DATA
from tests.integration.imports.service import Service

RAW = ("--disk-format", "raw", "--container-format", "bare")
NOWHERE = "00000000-0000-0000-0000-000000000000"


def test_an_image_from_its_data_to_its_deletion(glance: Command, data: Path, tmp_path: Path) -> None:
    made = glance.record(
        "image-create", "--name", "glance", *RAW, "--property", "colour=blue", "--file", data
    )
    assert (made["status"], made["owner"], made["size"], made["colour"]) == (
        "active", "blue", str(len(DATA)), "blue",
    )  # fmt: skip
    image_id = made["id"]
    copy = tmp_path / "copy"
    glance.run("image-download", image_id, "--file", copy)
    assert copy.read_bytes() == DATA
    changed = glance.record(
        "image-update",
        image_id,
        "--name",
        "renamed",
        "--remove-property",
        "colour",
        "--property",
        "size_of=x",
    )
    assert (changed["name"], changed["size_of"], changed.get("colour")) == ("renamed", "x", None)
    glance.run("image-delete", image_id)
    assert "No image found" in glance.complaint("image-show", image_id)


def test_a_file_is_imported_by_glance_direct(glance: Command, service: Service, data: Path) -> None:
    made = glance.record(
        "image-create-via-import", "--import-method", "glance-direct", "--name", "staged", *RAW,
        "--file", data, "--stores", "main,mirror",
    )  # fmt: skip
    assert made["status"] in ("importing", "active")
    service.ended(made["id"])
    shown = glance.record("image-show", made["id"])
    assert (shown["status"], sorted(shown["stores"].split(","))) == ("active", ["main", "mirror"])
    assert [row["Status"] for row in glance.table("image-tasks", made["id"])] == ["success"]


def test_data_is_piped_into_an_import(glance: Command, service: Service) -> None:
    made = glance.record("image-create-via-import", "--name", "piped", *RAW, data=DATA)
    service.ended(made["id"])
    assert service.http.get(f"/v2/images/{made['id']}/file").content == DATA


def test_an_address_is_imported_by_web_download(glance: Command, service: Service, source: str) -> None:
    made = glance.record(
        "image-create-via-import", "--import-method", "web-download", "--uri", source, "--name", "web", *RAW,
        "--all-stores", "True",
    )  # fmt: skip
    service.ended(made["id"])
    shown = glance.record("image-show", made["id"])
    assert (shown["status"], shown["size"]) == ("active", str(len(DATA)))
    assert shown["os_glance_failed_import"] == ""


def test_staging_and_import_one_after_the_other(glance: Command, service: Service, data: Path) -> None:
    image_id = glance.record("image-create", "--name", "in steps", *RAW)["id"]
    glance.run("image-stage", image_id, "--file", data)
    assert glance.record("image-show", image_id)["status"] == "uploading"
    glance.run("image-import", image_id, "--import-method", "glance-direct", "--store", "mirror")
    service.ended(image_id)
    assert glance.record("image-show", image_id)["stores"] == "mirror"


def test_an_upload_into_a_store_of_choice(glance: Command, data: Path) -> None:
    image_id = glance.record("image-create", "--name", "upload", *RAW)["id"]
    glance.run("image-upload", image_id, "--file", data, "--store", "mirror")
    assert glance.record("image-show", image_id)["stores"] == "mirror"


def test_discovery(glance: Command) -> None:
    stores = json.loads(glance.record("stores-info")["stores"])
    assert [store["id"] for store in stores] == ["main", "mirror"]
    methods = json.loads(glance.record("import-info")["import-methods"])
    assert methods["value"][:2] == ["glance-direct", "web-download"]
    assert glance.table("usage") == []
    admin = glance.as_user("root:ops:admin")
    detailed = json.loads(admin.record("stores-info", "--detail")["stores"])
    assert [store["type"] for store in detailed] == ["file", "file"]
    assert "stores_info_detail" in glance.complaint("stores-info", "--detail")


def test_lists_with_filters_and_order(glance: Command, service: Service) -> None:
    ids = {
        name: service.create("ann:blue:member", name=name, tags=tags, group="listing", min_ram=size)
        for name, tags, size in (("l-a", ["x", "y"], 1), ("l-b", ["x"], 2), ("l-c", ["y"], 3))
    }
    service.create("zoe:green:member", name="l-a", group="listing")

    def listed(*arguments: str) -> list[str]:
        group = ("--property-filter", "group=listing")
        return [row["Name"] for row in glance.table("image-list", *group, *arguments)]

    assert listed("--sort", "name:desc") == ["l-c", "l-b", "l-a"]
    assert listed("--sort-key", "created_at", "--sort-dir", "asc", "--page-size", "1", "--limit", "2") == [
        "l-a", "l-b",
    ]  # fmt: skip
    assert listed("--tag", "x", "--tag", "y", "--owner", "blue") == ["l-a"]
    assert listed("--property-filter", "name=l-b") == ["l-b"]
    assert listed("--property-filter", f"id=in:{ids['l-a']},{ids['l-c']}") == ["l-a", "l-c"]
    assert listed("--visibility", "public") == []
    assert listed("--hidden", "True") == []


def test_a_refusal_says_why(glance: Command) -> None:
    image_id = glance.record("image-create", "--name", "mine", *RAW)["id"]
    other = glance.as_user("zoe:green:member")
    assert "No image found" in other.complaint("image-show", image_id)
    assert "not allowed" in glance.complaint("image-update", image_id, "--visibility", "public")
    glance.run("image-update", image_id, "--protected", "True")
    assert "not permitted to delete" in glance.complaint("image-delete", image_id)
    assert "can only be applied to an image in status 'uploading'" in glance.complaint(
        "image-import", image_id, "--import-method", "glance-direct"
    )


def test_sharing(glance: Command, service: Service) -> None:
    image_id = service.create("ann:blue:member", name="shared by glance")
    made = glance.table("member-create", image_id, "green")
    assert [(row["Member ID"], row["Status"]) for row in made] == [("green", "pending")]
    green = glance.as_user("zoe:green:member")
    assert [row["Status"] for row in green.table("member-list", "--image-id", image_id)] == ["pending"]
    changed = green.table("member-update", image_id, "green", "accepted")
    assert [row["Status"] for row in changed] == ["accepted"]
    assert glance.record("member-get", image_id, "green")["status"] == "accepted"
    listed = green.table("image-list", "--member-status", "accepted", "--property-filter", f"id={image_id}")
    assert [row["Name"] for row in listed] == ["shared by glance"]
    glance.run("member-delete", image_id, "green")
    assert "No image found" in green.complaint("image-show", image_id)


def test_tags_and_deactivation(glance: Command, service: Service) -> None:
    image_id = service.active(DATA, name="tagged", owner="blue")
    assert glance.table("image-tag-update", image_id, "nightly")[0]["Tags"] == "['nightly']"
    glance.run("image-tag-delete", image_id, "nightly")
    admin = glance.as_user("root:ops:admin")
    admin.run("image-deactivate", image_id)
    assert "deactivated" in glance.complaint("image-download", image_id, "--file", "copy")
    admin.run("image-reactivate", image_id)
    shown = glance.record("image-show", image_id)
    assert (shown["status"], shown["tags"]) == ("active", "[]")
