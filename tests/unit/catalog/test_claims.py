"""Holding imports: leases, take-over, the journal, and the fence against those who come late."""

import threading
from datetime import UTC, datetime

import pytest

from glimpse.catalog import Catalog, Database
from glimpse.catalog.records import Image, NewImage, Phase
from glimpse.errors import Conflict, NotFound
from tests.unit.catalog.clock import Clock
from tests.unit.catalog.scenes import LEASE, assert_void, location, new_import, running

AT = datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
PHASES = (Phase("acquire", "done", 10, 10, AT, AT), Phase("deliver", "running", 5, None, AT))


def test_a_claim_raises_the_number_and_starts_the_lease(catalog: Catalog, clock: Clock, image: Image) -> None:
    begun = catalog.imports.begin(new_import(image.id), {"queued"})
    held = catalog.imports.claim(begun.id, "conductor-1", LEASE)
    assert (held.status, held.claimed_by, held.attempts) == ("processing", "conductor-1", 1)
    assert held.claim == begun.claim + 1 == catalog.images.get(image.id).claim
    assert held.lease_until is not None
    assert (held.lease_until - clock()).total_seconds() == pytest.approx(LEASE, abs=0.001)
    assert_void(catalog, begun)


def test_a_living_lease_is_respected(catalog: Catalog, clock: Clock, image: Image) -> None:
    held = running(catalog, image.id)
    clock.pass_seconds(LEASE - 1)
    with pytest.raises(Conflict, match="conductor-1"):
        catalog.imports.claim(held.id, "conductor-2", LEASE)
    catalog.imports.renew(held.id, held.claim, LEASE)
    clock.pass_seconds(LEASE - 1)
    with pytest.raises(Conflict):
        catalog.imports.claim(held.id, "conductor-2", LEASE)


def test_an_expired_lease_is_taken_over_and_the_sleeper_is_fenced(
    catalog: Catalog, clock: Clock, image: Image
) -> None:
    sleeper = running(catalog, image.id, "main", "mirror")
    catalog.imports.journal(sleeper.id, sleeper.claim, plan={"spool": True}, state={"acquire": {"length": 5}})
    catalog.imports.commit_target(sleeper.id, sleeper.claim, "mirror", location("mirror"))
    clock.pass_seconds(LEASE)
    taken = catalog.imports.claim(sleeper.id, "conductor-2", LEASE)
    assert (taken.claimed_by, taken.attempts, taken.claim) == ("conductor-2", 2, sleeper.claim + 1)
    assert (taken.plan, taken.state) == ({"spool": True}, {"acquire": {"length": 5}})
    assert {target.store: target.state for target in taken.targets} == {
        "main": "pending",
        "mirror": "committed",
    }
    assert_void(catalog, sleeper)
    catalog.imports.commit_target(taken.id, taken.claim, "main", location("main"))
    catalog.imports.succeed(taken.id, taken.claim, attributes={"size": 1})
    assert_void(catalog, taken)


def test_a_late_heartbeat_keeps_what_nobody_has_taken(catalog: Catalog, clock: Clock, image: Image) -> None:
    held = running(catalog, image.id)
    clock.pass_seconds(LEASE * 10)
    catalog.imports.renew(held.id, held.claim, LEASE)
    with pytest.raises(Conflict):
        catalog.imports.claim(held.id, "conductor-2", LEASE)


def test_of_many_conductors_one_takes_an_import(url: str, catalog: Catalog, image: Image) -> None:
    begun = catalog.imports.begin(new_import(image.id), {"queued"})
    count = 6
    start = threading.Barrier(count)
    numbers: list[int | None] = []

    def claim(name: str) -> None:
        db = Database(url)
        start.wait()
        try:
            numbers.append(Catalog(db).imports.claim(begun.id, name, 60).claim)
        except Conflict:
            numbers.append(None)
        finally:
            db.close()

    threads = [threading.Thread(target=claim, args=(f"conductor-{n}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [number for number in numbers if number] == [begun.claim + 1]
    assert len(numbers) == count


def test_an_import_that_has_ended_is_not_claimed(catalog: Catalog, clock: Clock, image: Image) -> None:
    held = running(catalog, image.id)
    catalog.imports.fail(held.id, held.claim, error={}, message="no")
    clock.pass_seconds(LEASE + 1)
    with pytest.raises(Conflict, match="failure"):
        catalog.imports.claim(held.id, "conductor-2", LEASE)
    with pytest.raises(NotFound):
        catalog.imports.claim("none", "conductor-2", LEASE)


def test_a_released_import_is_free_at_once(catalog: Catalog, image: Image) -> None:
    held = running(catalog, image.id)
    catalog.imports.release(held.id, held.claim)
    assert_void(catalog, held)
    free = catalog.imports.get(held.id)
    assert (free.status, free.claimed_by, free.lease_until, free.attempts) == ("pending", None, None, 0)
    assert catalog.images.get(image.id).status == "importing"
    again = catalog.imports.claim(held.id, "conductor-2", LEASE)
    assert again.claim > held.claim


def test_the_journal_keeps_what_it_is_told(catalog: Catalog, image: Image) -> None:
    held = running(catalog, image.id)
    of = (held.id, held.claim)
    catalog.imports.journal(*of, plan={"elements": ["source", "ü"]}, message="reading")
    catalog.imports.journal(*of, state={"acquire": {"done": True}}, phases=PHASES)
    catalog.imports.journal(*of, state={"deliver": 1})
    shown = catalog.imports.get(held.id)
    assert (shown.plan, shown.message) == ({"elements": ["source", "ü"]}, "reading")
    assert shown.state == {"acquire": {"done": True}, "deliver": 1}
    assert shown.phases == PHASES


def test_a_heartbeat_carries_the_progress(catalog: Catalog, image: Image) -> None:
    held = running(catalog, image.id)
    catalog.imports.renew(held.id, held.claim, LEASE, phases=PHASES)
    catalog.imports.renew(held.id, held.claim, LEASE)
    assert catalog.imports.get(held.id).phases == PHASES


def failed(catalog: Catalog, image_id: str, claim: tuple[str, int]) -> dict[str, str | None]:
    """Fail the import; what users' properties the image then has."""
    catalog.imports.fail(*claim, error={}, message="no")
    shown = catalog.images.get(image_id).properties
    return {name: value for name, value in shown.items() if not name.startswith("os_glance")}


def test_injected_properties_are_put_back_by_a_failure(catalog: Catalog) -> None:
    before: dict[str, str | None] = {"changed": "old", "nothing": None, "kept": "k"}
    image = catalog.images.create(NewImage(properties=before))
    held = running(catalog, image.id)
    of = (held.id, held.claim)
    catalog.imports.inject(*of, {"changed": "new", "nothing": "new", "added": "new"})
    catalog.imports.inject(*of, {"changed": "newer", "added": "new"})
    shown = catalog.images.get(image.id).properties
    assert (shown["changed"], shown["nothing"], shown["added"]) == ("newer", "new", "new")
    assert failed(catalog, image.id, of) == before


def test_what_a_user_changed_after_the_injection_stays(catalog: Catalog) -> None:
    image = catalog.images.create(NewImage(properties={"a": "old", "b": "old"}))
    held = running(catalog, image.id)
    of = (held.id, held.claim)
    catalog.imports.inject(*of, {"a": "new", "b": "new", "c": "new"})
    catalog.images.update(image.id, properties={"a": "mine", "c": "mine"}, remove_properties=["b"])
    assert failed(catalog, image.id, of) == {"a": "mine", "c": "mine"}


def test_injected_properties_stay_after_success(catalog: Catalog, image: Image) -> None:
    held = running(catalog, image.id, "main")
    catalog.imports.inject(held.id, held.claim, {"a": "1"})
    catalog.imports.commit_target(held.id, held.claim, "main", location("main"))
    catalog.imports.succeed(held.id, held.claim, attributes={})
    assert catalog.images.get(image.id).properties["a"] == "1"
