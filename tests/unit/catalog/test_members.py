"""Sharing images: what each state allows, and who knows of whom."""

from collections.abc import Callable

import pytest

from glimpse.catalog import Catalog
from glimpse.catalog.records import Image, ImageQuery, NewImage, Viewer
from glimpse.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge

OWNER, MEMBER, STRANGER = Viewer("mine"), Viewer("theirs"), Viewer("nobodys")
NOWHERE = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def shared(catalog: Catalog) -> Image:
    return catalog.images.create(NewImage(owner="mine", visibility="shared"))


def seen(catalog: Catalog, image: Image, viewer: Viewer) -> bool:
    try:
        return catalog.images.get(image.id, viewer) == image
    except NotFound:
        return False


def listed(catalog: Catalog, viewer: Viewer, member_status: str = "accepted") -> list[str]:
    page = catalog.images.list(ImageQuery(member_status=member_status), viewer)
    return [image.id for image in page.images]


def test_a_new_member_is_pending_and_sees_the_image_at_once(catalog: Catalog, shared: Image) -> None:
    assert not seen(catalog, shared, MEMBER)
    made = catalog.members.add(shared.id, "theirs")
    assert (made.image_id, made.member, made.status) == (shared.id, "theirs", "pending")
    assert made.created_at == made.updated_at
    assert catalog.members.get(shared.id, "theirs") == made
    assert seen(catalog, shared, MEMBER)
    assert not seen(catalog, shared, STRANGER)


def test_the_status_says_who_lists_the_image(catalog: Catalog, shared: Image) -> None:
    catalog.members.add(shared.id, "theirs")
    for status in ("accepted", "rejected", "pending"):
        changed = catalog.members.set_status(shared.id, "theirs", status)
        assert changed.status == status
        assert changed.updated_at > changed.created_at
        for asked in ("accepted", "rejected", "pending"):
            assert listed(catalog, MEMBER, asked) == ([shared.id] if asked == status else [])
        assert listed(catalog, MEMBER, "all") == [shared.id]
    assert listed(catalog, STRANGER, "all") == []


def test_a_member_that_is_removed_knows_nothing_any_more(catalog: Catalog, shared: Image) -> None:
    catalog.members.add(shared.id, "theirs")
    catalog.members.set_status(shared.id, "theirs", "accepted")
    catalog.members.remove(shared.id, "theirs")
    assert not seen(catalog, shared, MEMBER)
    assert listed(catalog, MEMBER, "all") == []
    assert catalog.members.list(shared.id) == ()
    for call in (
        lambda: catalog.members.get(shared.id, "theirs"),
        lambda: catalog.members.remove(shared.id, "theirs"),
        lambda: catalog.members.set_status(shared.id, "theirs", "accepted"),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_membership_is_used_again_and_begins_anew(catalog: Catalog, shared: Image) -> None:
    first = catalog.members.add(shared.id, "theirs")
    catalog.members.set_status(shared.id, "theirs", "accepted")
    catalog.members.remove(shared.id, "theirs")
    again = catalog.members.add(shared.id, "theirs")
    assert again.status == "pending"
    assert again.created_at > first.created_at
    assert catalog.members.list(shared.id) == (again,)


def test_nobody_is_a_member_twice(catalog: Catalog, shared: Image) -> None:
    catalog.members.add(shared.id, "theirs")
    with pytest.raises(Conflict):
        catalog.members.add(shared.id, "theirs")
    assert len(catalog.members.list(shared.id)) == 1


@pytest.mark.parametrize("visibility", ["public", "private", "community"])
def test_only_shared_images_have_members(catalog: Catalog, shared: Image, visibility: str) -> None:
    catalog.members.add(shared.id, "theirs")
    catalog.images.update(shared.id, set={"visibility": visibility})
    members = catalog.members
    calls: list[Callable[[], object]] = [
        lambda: members.add(shared.id, "nobodys"),
        lambda: members.list(shared.id),
        lambda: members.set_status(shared.id, "theirs", "accepted"),
        lambda: members.remove(shared.id, "theirs"),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    with pytest.raises(NotFound):
        members.get(shared.id, "theirs")
    catalog.images.update(shared.id, set={"visibility": "shared"})
    assert [member.member for member in members.list(shared.id)] == ["theirs"]


def test_members_know_of_themselves_only(catalog: Catalog, shared: Image) -> None:
    for project in ("theirs", "others"):
        catalog.members.add(shared.id, project)

    def known(viewer: Viewer | None) -> list[str]:
        return [member.member for member in catalog.members.list(shared.id, viewer)]

    assert known(OWNER) == known(None) == known(Viewer(None, is_admin=True)) == ["theirs", "others"]
    assert known(MEMBER) == ["theirs"]
    with pytest.raises(NotFound):
        known(STRANGER)
    assert catalog.members.get(shared.id, "theirs", MEMBER) == catalog.members.get(shared.id, "theirs", OWNER)
    for member, viewer in (("others", MEMBER), ("theirs", STRANGER)):
        with pytest.raises(NotFound):
            catalog.members.get(shared.id, member, viewer)


def test_an_unknown_status_is_refused(catalog: Catalog, shared: Image) -> None:
    catalog.members.add(shared.id, "theirs")
    with pytest.raises(Invalid):
        catalog.members.set_status(shared.id, "theirs", "all")


def test_an_image_that_is_not_there_has_no_members(catalog: Catalog, shared: Image) -> None:
    catalog.images.delete(shared.id)
    for image_id in (shared.id, NOWHERE):
        for call in (catalog.members.add, catalog.members.get, catalog.members.remove):
            with pytest.raises(NotFound):
                call(image_id, "theirs")
        with pytest.raises(NotFound):
            catalog.members.list(image_id)


def test_a_limit_counts_those_that_are_members_now(catalog: Catalog, shared: Image) -> None:
    def at_most_two(count: int) -> None:
        if count > 2:
            raise TooLarge("too many")

    for project in ("a", "b"):
        catalog.members.add(shared.id, project, at_most_two)
    with pytest.raises(TooLarge):
        catalog.members.add(shared.id, "c", at_most_two)
    catalog.members.remove(shared.id, "a")
    catalog.members.add(shared.id, "c", at_most_two)
    assert [member.member for member in catalog.members.list(shared.id)] == ["b", "c"]
