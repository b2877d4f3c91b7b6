"""Records as clients see them."""

from datetime import UTC, datetime

from glimpse.api.views import ImageView, timestamp
from glimpse.catalog.records import Location
from tests.unit.api.records import ID, image

LOCATIONS = (
    Location(1, "file:///a", "slow", {"m": 1}),
    Location(2, "file:///b", "fast", {}),
    Location(3, "x", None, {}),
)
PLAIN = ImageView(multi_store=False, show_locations=False, show_direct_url=False, weights={})
FULL = ImageView(multi_store=True, show_locations=True, show_direct_url=True, weights={"fast": 9, "slow": 1})


def test_the_order_of_keys_is_the_one_that_clients_have_always_seen() -> None:
    assert list(FULL.render(image(locations=LOCATIONS))) == [
        "colour", "nothing", "name", "disk_format", "container_format", "visibility", "size", "virtual_size", "status",
        "checksum", "protected", "min_ram", "min_disk", "owner", "os_hidden", "os_hash_algo", "os_hash_value", "id",
        "created_at", "updated_at", "locations", "direct_url", "tags", "self", "file", "schema", "stores",
    ]  # fmt: skip


def test_values() -> None:
    shown = PLAIN.render(image(import_id="the-import"))
    assert shown["nothing"] == ""
    assert shown["os_glance_import_task"] == "the-import"
    assert "os_glance_stage_host" not in shown
    assert (shown["created_at"], shown["updated_at"]) == ("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z")
    assert (shown["self"], shown["file"]) == (f"/v2/images/{ID}", f"/v2/images/{ID}/file")
    assert shown["tags"] == ["a", "b"]
    assert not {"stores", "locations", "direct_url"} & shown.keys()


def test_locations_by_weight_and_stores_as_a_list() -> None:
    shown = FULL.render(image(locations=LOCATIONS))
    assert shown["stores"] == "slow,fast"
    assert shown["direct_url"] == "file:///b"
    assert shown["locations"] == [
        {"url": "file:///b", "metadata": {"store": "fast"}},
        {"url": "file:///a", "metadata": {"m": 1, "store": "slow"}},
        {"url": "x", "metadata": {}},
    ]


def test_without_data_there_are_no_stores_and_no_direct_url() -> None:
    shown = FULL.render(image())
    assert shown["locations"] == []
    assert not {"stores", "direct_url"} & shown.keys()


def test_a_deactivated_image_tells_only_administrators_where_its_data_is() -> None:
    withheld = image(status="deactivated", locations=LOCATIONS)
    shown = FULL.render(withheld)
    assert shown["locations"] == []
    assert "direct_url" not in shown
    told = FULL.render(withheld, admin=True)
    assert (len(LOCATIONS), told["direct_url"]) == (len(told["locations"]), "file:///b")  # type: ignore[arg-type]


def test_times_have_no_fraction() -> None:
    assert timestamp(datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC)) == "2026-12-31T23:59:59Z"
