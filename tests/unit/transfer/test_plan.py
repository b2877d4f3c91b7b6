import json

import pytest

from glimpse.errors import GlimpseError, Invalid
from glimpse.transfer.plan import BY_MAGIC, Convert, Decompress, Element, Plan, Planner, Source, Spool

KNOWN = {"md5": "5d41402a", "sha512": "9b71d224"}
ALGORITHMS = ("md5", "sha512")
STAGED, WEB, OBJECT = Source("staged"), Source("web"), Source("object")
QCOW2 = Convert("qcow2", "raw")


def staged(wrapper: str | None = None, digests: dict[str, str] | None = None) -> Planner:
    return Planner("staged", file=True, wrapper=wrapper, digests=digests, algorithms=ALGORITHMS)


def planned(planner: Planner, *asked: str) -> Plan:
    """The plan when ``asked`` is asked for: ``decompress``, ``file``, or ``from>to``."""
    for what in asked:
        if what == "decompress":
            planner.decompress()
        elif what == "file":
            planner.need_file()
        else:
            planner.convert(*what.split(">"))
    return planner.plan()


# The table of the module's documentation, and what follows from it.
TABLE: list[tuple[str, Planner, tuple[str, ...], tuple[Element, ...], bool]] = [
    ("staged, digests known", staged(digests=KNOWN), (), (STAGED,), True),
    ("staged, digests known, unpacked", staged(digests=KNOWN), ("decompress",), (STAGED,), True),
    ("staged, raw, raw wanted", staged(digests=KNOWN), ("decompress", "raw>raw"), (STAGED,), True),
    ("staged, a file wanted", staged(digests=KNOWN), ("file",), (STAGED,), True),
    ("staged, digests not known", staged(), (), (STAGED,), False),
    ("staged, one digest missing", staged(digests={"md5": "5d41402a"}), (), (STAGED,), False),
    ("staged, gzip left alone", staged("gzip", KNOWN), (), (STAGED,), True),
    ("staged, gzip", staged("gzip", KNOWN), ("decompress",), (STAGED, Decompress("gzip")), False),
    ("staged, qcow2", staged(digests=KNOWN), ("decompress", "qcow2>raw"), (STAGED, QCOW2), False),
    (
        "staged, qcow2 in gzip",
        staged("gzip", KNOWN),
        ("decompress", "qcow2>raw"),
        (STAGED, Decompress("gzip"), Spool(), QCOW2),
        False,
    ),
    ("staged, nobody has looked", staged(BY_MAGIC, KNOWN), ("decompress",), (STAGED, Decompress()), False),
    ("web", Planner("web"), (), (WEB,), False),
    ("web, declared raw", Planner("web"), ("decompress", "raw>raw"), (WEB, Decompress()), False),
    ("web, declared qcow2", Planner("web"), ("qcow2>raw",), (WEB, Spool(), QCOW2), False),
    (
        "web, declared qcow2, unpacked",
        Planner("web"),
        ("decompress", "qcow2>raw"),
        (WEB, Decompress(), Spool(), QCOW2),
        False,
    ),
    ("web, a file wanted", Planner("web"), ("file",), (WEB, Spool()), False),
    ("web, a file wanted twice", Planner("web"), ("file", "file"), (WEB, Spool()), False),
    ("web, a file wanted and converted", Planner("web"), ("file", "qcow2>raw"), (WEB, Spool(), QCOW2), False),
    (
        "web, a file of what was converted",
        Planner("web"),
        ("qcow2>raw", "file"),
        (WEB, Spool(), QCOW2, Spool()),
        False,
    ),
    ("web, unpacked once only", Planner("web"), ("decompress", "decompress"), (WEB, Decompress()), False),
    ("object", Planner("object"), (), (OBJECT,), False),
    ("a stream is never adopted", Planner("web", digests=KNOWN, algorithms=ALGORITHMS), (), (WEB,), False),
]


@pytest.mark.parametrize(
    ("planner", "asked", "elements", "adopt"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_table(
    planner: Planner, asked: tuple[str, ...], elements: tuple[Element, ...], adopt: bool
) -> None:
    plan = planned(planner, *asked)
    assert plan.elements == elements
    assert plan.adopt is adopt
    assert plan.digests == (KNOWN if adopt else {})
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_plan_says_what_it_does() -> None:
    plan = planned(Planner("web"), "decompress", "qcow2>raw")
    assert plan.source == WEB
    assert plan.decompress == Decompress(BY_MAGIC)
    assert plan.spools
    assert plan.convert == QCOW2
    plain = planned(Planner("web"))
    assert (plain.decompress, plain.spools, plain.convert) == (None, False, None)


def test_unpacking_after_converting_is_refused() -> None:
    with pytest.raises(Invalid, match="before conversion"):
        planned(Planner("web"), "qcow2>raw", "decompress")


def test_its_plain_form_is_stable() -> None:
    assert planned(Planner("web"), "decompress", "qcow2>raw").to_dict() == {
        "version": 1,
        "elements": [
            {"element": "source", "kind": "web"},
            {"element": "decompress", "name": "magic"},
            {"element": "spool"},
            {"element": "convert", "from": "qcow2", "to": "raw"},
        ],
        "adopt": False,
        "digests": {},
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"version": 2, "elements": [{"element": "source", "kind": "web"}], "adopt": False, "digests": {}},
        {"version": 1, "elements": [], "adopt": False, "digests": {}},
        {"version": 1, "elements": [{"element": "spool"}], "adopt": False, "digests": {}},
        {"version": 1, "elements": [{"element": "source"}], "adopt": False, "digests": {}},
        {"version": 1, "elements": [{"element": "magic wand"}], "adopt": False, "digests": {}},
        {"version": 1, "elements": None, "adopt": False, "digests": {}},
    ],
)
def test_what_is_no_plan_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(GlimpseError, match="plan"):
        Plan.from_dict(data)
