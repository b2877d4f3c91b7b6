"""The imports that are to be run."""

from glimpse.catalog import Catalog
from glimpse.catalog.records import ImportRecord, NewImage, NewImport
from tests.unit.catalog.clock import Clock

LEASE = 10.0


def begin(catalog: Catalog, host: str | None = None) -> ImportRecord:
    image = catalog.images.create(NewImage(disk_format="raw", container_format="bare"))
    return catalog.imports.begin(NewImport(image.id, "web-download", {}, ("main",), host=host), {"queued"})


def test_an_import_is_a_job_from_its_beginning_to_its_end(catalog: Catalog, clock: Clock) -> None:
    record = begin(catalog, "here")
    [job] = catalog.jobs.list()
    assert (job.import_id, job.host, job.claimed_by, job.lease_until) == (record.id, "here", None, None)
    assert job == catalog.jobs.get(record.id)
    held = catalog.imports.claim(record.id, "worker", LEASE)
    [job] = catalog.jobs.list()
    assert (job.claimed_by, job.lease_until) == ("worker", held.lease_until)
    catalog.imports.fail(held.id, held.claim, error={}, message="no")
    assert catalog.jobs.list() == ()
    assert catalog.jobs.get(record.id) is None


def test_jobs_are_listed_in_the_order_they_came(catalog: Catalog, clock: Clock) -> None:
    posted = []
    for _ in range(3):
        posted.append(begin(catalog).id)
        clock.pass_seconds(1)
    assert [job.import_id for job in catalog.jobs.list()] == posted


def test_an_import_that_is_not_there_is_no_job(catalog: Catalog) -> None:
    assert catalog.jobs.get("none") is None
