"""The rows of the job board."""

import threading

from glimpse.catalog import Catalog, Database
from tests.unit.catalog.clock import Clock

LEASE = 10.0


def test_jobs_are_listed_in_the_order_they_came(catalog: Catalog) -> None:
    first = catalog.jobs.post("import", {"import_id": "1"}, "here")
    second = catalog.jobs.post("import", {"import_id": "2"})
    jobs = catalog.jobs.list()
    assert [job.uuid for job in jobs] == [first, second]
    assert (jobs[0].name, jobs[0].details, jobs[0].host) == ("import", {"import_id": "1"}, "here")
    assert (jobs[1].host, jobs[1].owner, jobs[1].lease_until) == (None, None, None)


def test_a_job_has_one_owner_at_a_time(catalog: Catalog, clock: Clock) -> None:
    job = catalog.jobs.post("import", {})
    assert catalog.jobs.owner(job) is None
    assert catalog.jobs.claim(job, "a", LEASE)
    assert catalog.jobs.owner(job) == "a"
    assert not catalog.jobs.claim(job, "b", LEASE)
    assert not catalog.jobs.extend(job, "b", LEASE)
    assert not catalog.jobs.abandon(job, "b")
    assert not catalog.jobs.consume(job, "b")
    clock.pass_seconds(LEASE - 1)
    assert catalog.jobs.extend(job, "a", LEASE)
    clock.pass_seconds(LEASE - 1)
    assert catalog.jobs.owner(job) == "a"
    assert catalog.jobs.consume(job, "a")
    assert catalog.jobs.list() == ()


def test_a_lease_ends_by_itself(catalog: Catalog, clock: Clock) -> None:
    job = catalog.jobs.post("import", {})
    catalog.jobs.claim(job, "a", LEASE)
    clock.pass_seconds(LEASE + 1)
    assert catalog.jobs.owner(job) is None
    assert catalog.jobs.claim(job, "b", LEASE)
    assert not catalog.jobs.extend(job, "a", LEASE)
    assert not catalog.jobs.consume(job, "a")


def test_an_abandoned_job_is_free_at_once(catalog: Catalog) -> None:
    job = catalog.jobs.post("import", {})
    catalog.jobs.claim(job, "a", LEASE)
    assert catalog.jobs.abandon(job, "a")
    assert catalog.jobs.owner(job) is None
    assert catalog.jobs.claim(job, "b", LEASE)


def test_a_job_that_is_not_there_is_nobodys(catalog: Catalog) -> None:
    assert not catalog.jobs.claim("none", "a", LEASE)
    assert not catalog.jobs.consume("none", "a")
    assert catalog.jobs.owner("none") is None


def test_of_many_claimers_one_wins(url: str, catalog: Catalog) -> None:
    job = catalog.jobs.post("import", {})
    start = threading.Barrier(6)
    won: list[bool] = []

    def claim(who: str) -> None:
        db = Database(url)
        start.wait()
        won.append(Catalog(db).jobs.claim(job, who, 60))
        db.close()

    threads = [threading.Thread(target=claim, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(won) == [False] * 5 + [True]
