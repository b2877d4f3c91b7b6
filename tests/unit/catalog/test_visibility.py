"""Who sees what: every visibility, ownership, membership and role, shown and listed."""

from itertools import product

import pytest
from sqlalchemy import insert

from glimpse.catalog import Catalog
from glimpse.catalog.records import ImageQuery, NewImage, Viewer
from glimpse.catalog.tables import image_members
from glimpse.errors import NotFound

VIEWERS = {
    "owner": Viewer("mine"),
    "stranger": Viewer("other"),
    "nobody": Viewer(None),
    "admin": Viewer("other", is_admin=True),
    "service": None,
}
MEMBERSHIPS = [None, "pending", "accepted", "rejected"]
VISIBILITIES = ["public", "community", "shared", "private"]


def make(catalog: Catalog, visibility: str, membership: str | None) -> str:
    """An image of project ``mine``; ``other`` is a member of it with that status."""
    image = catalog.images.create(NewImage(owner="mine", visibility=visibility))
    if membership:
        now = image.created_at
        row = {"image_id": image.id, "member": "other", "status": membership}
        with catalog.db.write() as conn:
            conn.execute(insert(image_members).values(**row, created_at=now, updated_at=now))
    return image.id


def lists(catalog: Catalog, viewer: Viewer | None, image_id: str, query: ImageQuery) -> bool:
    return image_id in [image.id for image in catalog.images.list(query, viewer).images]


@pytest.mark.parametrize(
    ("who", "visibility", "membership"), list(product(VIEWERS, VISIBILITIES, MEMBERSHIPS))
)
def test_an_image_is_shown_to_whom_it_concerns(
    catalog: Catalog, who: str, visibility: str, membership: str | None
) -> None:
    image_id = make(catalog, visibility, membership)
    expected = (
        who in ("owner", "admin", "service")
        or visibility in ("public", "community")
        or (who == "stranger" and visibility == "shared" and membership is not None)
    )
    if expected:
        assert catalog.images.get(image_id, VIEWERS[who]).id == image_id
    else:
        with pytest.raises(NotFound):
            catalog.images.get(image_id, VIEWERS[who])


@pytest.mark.parametrize(
    ("who", "visibility", "membership"), list(product(VIEWERS, VISIBILITIES, MEMBERSHIPS))
)
def test_a_listing_shows_own_public_and_accepted_images(
    catalog: Catalog, who: str, visibility: str, membership: str | None
) -> None:
    image_id = make(catalog, visibility, membership)
    viewer = VIEWERS[who]
    expected = (
        who in ("owner", "service")
        or visibility == "public"
        or (who == "stranger" and visibility == "shared" and membership == "accepted")
        or (who == "admin" and visibility != "community")
    )
    assert lists(catalog, viewer, image_id, ImageQuery()) is expected


@pytest.mark.parametrize("who", VIEWERS)
def test_community_images_are_listed_for_those_who_ask(catalog: Catalog, who: str) -> None:
    image_id = make(catalog, "community", None)
    assert lists(catalog, VIEWERS[who], image_id, ImageQuery(visibility="community"))
    assert lists(catalog, VIEWERS[who], image_id, ImageQuery(visibility="all"))
    assert not lists(catalog, VIEWERS[who], image_id, ImageQuery(visibility="public"))


def test_asking_for_a_visibility_shows_no_more_than_one_may_see(catalog: Catalog) -> None:
    private, shared = make(catalog, "private", None), make(catalog, "shared", None)
    for visibility in ("private", "shared", "all"):
        for image_id in (private, shared):
            assert not lists(catalog, Viewer("other"), image_id, ImageQuery(visibility=visibility))
    assert lists(catalog, Viewer("mine"), private, ImageQuery(visibility="private"))


@pytest.mark.parametrize(
    ("status", "asked"), product(MEMBERSHIPS[1:], ["pending", "accepted", "rejected", "all"])
)
def test_member_status_chooses_among_shared_images(catalog: Catalog, status: str, asked: str) -> None:
    image_id = make(catalog, "shared", status)
    expected = asked in ("all", status)
    assert lists(catalog, Viewer("other"), image_id, ImageQuery(member_status=asked)) is expected
    assert lists(catalog, Viewer("mine"), image_id, ImageQuery(member_status=asked))


def test_an_image_of_nobody_belongs_to_nobody(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(owner=None, visibility="private"))
    for who in ("stranger", "nobody"):
        with pytest.raises(NotFound):
            catalog.images.get(image.id, VIEWERS[who])
    assert catalog.images.get(image.id, VIEWERS["admin"]) == image
