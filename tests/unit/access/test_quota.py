"""What one owner may have, and what is asked of it."""

from collections.abc import Callable

import pytest

from glimpse.access.quota import MIB, UNLIMITED, Ceiling, Quota
from glimpse.catalog.admission import Admission
from glimpse.catalog.ledger import Ledger
from glimpse.errors import TooLarge


class Having(Ledger):
    """What is there, without a database."""

    def __init__(self, images: int = 0, uploading: int = 0, staged: int = 0, stored: int = 0) -> None:
        self.counts = (images, uploading, staged, stored)

    def images(self) -> int:
        return self.counts[0]

    def uploading(self) -> int:
        return self.counts[1]

    def staged(self) -> int:
        return self.counts[2]

    def stored(self, but: str = "") -> int:
        return self.counts[3]


def keystones(stored: int = -1, staged: int = -1, images: int = -1, uploading: int = -1) -> Quota:
    """Limits as Keystone has them."""

    def ceiling(name: str, limit: int, unit: int) -> Ceiling | None:
        return None if limit < 0 else Ceiling(name, limit, unit)

    return Quota(
        "p",
        ceiling("image_size_total", stored, MIB),
        ceiling("image_stage_total", staged, MIB),
        ceiling("image_count_total", images, 1),
        ceiling("image_count_uploading", uploading, 1),
        of_keystone=True,
    )


OWN = Quota("p", Ceiling("user_storage_quota", 100))


def judge(admission: Admission | None, having: Ledger) -> int | None:
    assert admission is not None
    return admission.judge(having)


def refused(admission: Admission | None, having: Ledger) -> str:
    with pytest.raises(TooLarge) as refusal:
        judge(admission, having)
    return refusal.value.message


def test_bytes_of_a_ceiling_are_exact_where_its_unit_is() -> None:
    ceiling = Ceiling("user_storage_quota", 100)
    ceiling.check(60, 40)
    assert ceiling.left(60) == 40
    for used, more in ((60, 41), (100, 1), (101, 0)):
        with pytest.raises(TooLarge):
            ceiling.check(used, more)


def test_begun_mebibytes_do_not_count() -> None:
    """As operators know it: sizes are compared in whole MiB, but together and not one by one."""
    ceiling = Ceiling("image_size_total", 5, MIB)
    ceiling.check(5 * MIB, MIB - 1)
    with pytest.raises(TooLarge):
        ceiling.check(5 * MIB, MIB)
    with pytest.raises(TooLarge):
        ceiling.check(5 * MIB + MIB // 2, MIB // 2)


def test_a_refusal_names_the_limit_what_is_there_and_what_was_asked() -> None:
    assert refused(keystones(stored=5).file(3 * MIB, 1 << 40).beginning, Having(stored=4 * MIB)) == (
        "This project may have 5 MiB of image_size_total; it has 4 MiB, and this asks for 3 MiB more."
    )
    assert refused(keystones(images=2).creation(), Having(images=2)) == (
        "This project may have 2 of image_count_total; it has 2, and this asks for 1 more."
    )


def test_without_limits_nothing_is_asked() -> None:
    intake = UNLIMITED.file(10, 50)
    assert intake.beginning is None
    assert intake.end(10) is None
    assert UNLIMITED.creation() is None
    assert UNLIMITED.named() is None
    assert UNLIMITED.importing(10, staged=True) is None
    assert intake.most == 50
    assert keystones(-1, -1, -1, -1).creation() is None


def test_an_upload_of_known_length_is_granted_it() -> None:
    intake = OWN.file(40, 1000)
    assert judge(intake.beginning, Having(stored=60)) == 40
    assert intake.most == 1000
    assert intake.end(40) is None
    refused(OWN.file(41, 1000).beginning, Having(stored=60))


def test_an_upload_of_unknown_length_is_bounded_by_what_is_left_and_judged_at_its_end() -> None:
    intake = OWN.file(None, 1000)
    assert judge(intake.beginning, Having(stored=60)) is None
    assert intake.most == 40
    judge(intake.end(40), Having(stored=60))
    refused(intake.end(40), Having(stored=61))
    refused(OWN.file(None, 1000).beginning, Having(stored=100))


@pytest.mark.parametrize("kind", ["file", "stage"])
def test_uploads_under_way_are_counted(kind: str) -> None:
    intake = getattr(keystones(uploading=2), kind)(None, 1000)
    assert judge(intake.beginning, Having(uploading=1)) is None
    assert intake.most == 1000
    assert intake.end(1000) is None
    refused(intake.beginning, Having(uploading=2))


def test_staging_has_a_limit_of_its_own() -> None:
    intake = keystones(stored=0, staged=3).stage(2 * MIB, 1 << 40)
    assert judge(intake.beginning, Having(stored=9 * MIB, staged=MIB)) == 2 * MIB
    refused(intake.beginning, Having(staged=2 * MIB))
    assert OWN.stage(10, 50).beginning is None


def test_an_import_of_what_is_staged_is_granted_its_size() -> None:
    admission = keystones(stored=5, staged=0, uploading=0).importing(2 * MIB, staged=True)
    assert judge(admission, Having(stored=3 * MIB, staged=9 * MIB, uploading=9)) == 2 * MIB
    refused(admission, Having(stored=4 * MIB))


HAVE: dict[str, tuple[Callable[[], Quota], Ledger, Ledger]] = {
    "stored": (lambda: keystones(stored=5), Having(stored=5 * MIB), Having(stored=6 * MIB)),
    "staged": (lambda: keystones(staged=5), Having(staged=3 * MIB), Having(staged=4 * MIB)),
    "uploading": (lambda: keystones(uploading=2), Having(uploading=1), Having(uploading=2)),
}


@pytest.mark.parametrize("what", HAVE)
def test_other_imports_ask_whether_anything_is_exceeded_already(what: str) -> None:
    quota, fits, full = HAVE[what]
    admission = quota().importing(2 * MIB, staged=False)
    assert judge(admission, fits) is None
    refused(admission, full)


def test_a_task_makes_an_image_besides() -> None:
    refused(keystones(images=2).importing(None, staged=False, new=True), Having(images=2))
    assert judge(keystones(images=2).importing(None, staged=False), Having(images=2)) is None


def test_only_a_limit_of_our_own_is_about_data_that_is_named() -> None:
    judge(OWN.named(), Having(stored=100))
    refused(OWN.named(), Having(stored=101))
    assert keystones(stored=0).named() is None
    assert keystones(stored=0).named_ceiling is None
    assert OWN.importing(1000, staged=True) is None
