import json

import pytest

from glimpse.errors import GlimpseError, Invalid
from glimpse.transfer.plan import Convert, Element, Plan, Planner, Plugin, Source, Spool, Unpack

KNOWN = {"md5": "5d41402a", "sha512": "9b71d224"}
ALGORITHMS = ("md5", "sha512")
STAGED, WEB, OBJECT = Source("staged"), Source("web"), Source("object")
UNPACK, SPOOL, STAMP = Unpack(), Spool(), Plugin("stamp")
QCOW2, TO_QCOW2 = Convert("qcow2", "raw"), Convert("raw", "qcow2")


def staged(packed: bool = False, digests: dict[str, str] | None = None) -> Planner:
    return Planner("staged", file=True, packed=packed, digests=digests, algorithms=ALGORITHMS)


def planned(planner: Planner, *asked: str) -> Plan:
    """The plan when ``asked`` is asked for: ``unpack``, ``from>to``, or a plugin's name."""
    for what in asked:
        if what == "unpack":
            planner.unpack()
        elif ">" in what:
            planner.convert(*what.split(">"))
        else:
            planner.plugin(what)
    return planner.plan()


# The table of the module's documentation, and what follows from it.
TABLE: list[tuple[str, Planner, tuple[str, ...], tuple[Element, ...], bool]] = [
    ("staged, digests known", staged(digests=KNOWN), (), (STAGED,), True),
    ("staged, digests known, unpacked", staged(digests=KNOWN), ("unpack",), (STAGED,), True),
    ("staged, raw, raw wanted", staged(digests=KNOWN), ("unpack", "raw>raw"), (STAGED,), True),
    ("staged, digests not known", staged(), (), (STAGED,), False),
    ("staged, one digest missing", staged(digests={"md5": "5d41402a"}), (), (STAGED,), False),
    ("staged, gzip left alone", staged(True, KNOWN), (), (STAGED,), True),
    ("staged, gzip", staged(True, KNOWN), ("unpack",), (STAGED, UNPACK), False),
    ("staged, qcow2", staged(digests=KNOWN), ("unpack", "qcow2>raw"), (STAGED, QCOW2), False),
    ("staged, qcow2 wanted", staged(digests=KNOWN), ("unpack", "raw>qcow2"), (STAGED, TO_QCOW2), False),
    (
        "staged, qcow2 in gzip",
        staged(True, KNOWN),
        ("unpack", "qcow2>raw"),
        (STAGED, UNPACK, SPOOL, QCOW2),
        False,
    ),
    ("staged, a plugin", staged(digests=KNOWN), ("stamp",), (STAGED, STAMP), False),
    (
        "staged, unpacked, a plugin, raw",
        staged(digests=KNOWN),
        ("unpack", "stamp", "qcow2>raw"),
        (STAGED, STAMP, QCOW2),
        False,
    ),
    ("staged, a plugin, unpacked", staged(), ("stamp", "unpack"), (STAGED, STAMP, UNPACK), False),
    ("web", Planner("web"), (), (WEB,), False),
    ("web, declared raw", Planner("web"), ("unpack", "raw>raw"), (WEB, UNPACK), False),
    ("web, declared qcow2", Planner("web"), ("qcow2>raw",), (WEB, SPOOL, QCOW2), False),
    (
        "web, declared qcow2, unpacked",
        Planner("web"),
        ("unpack", "qcow2>raw"),
        (WEB, UNPACK, SPOOL, QCOW2),
        False,
    ),
    (
        "web, declared raw, unpacked, qcow2 wanted",
        Planner("web"),
        ("unpack", "raw>qcow2"),
        (WEB, UNPACK, SPOOL, TO_QCOW2),
        False,
    ),
    ("web, a plugin", Planner("web"), ("stamp",), (WEB, SPOOL, STAMP), False),
    (
        "web, two plugins",
        Planner("web"),
        ("stamp", "sign"),
        (WEB, SPOOL, STAMP, Plugin("sign")),
        False,
    ),
    (
        "web, unpacked, a plugin, raw",
        Planner("web"),
        ("unpack", "stamp", "qcow2>raw"),
        (WEB, UNPACK, SPOOL, STAMP, QCOW2),
        False,
    ),
    ("web, raw, a plugin", Planner("web"), ("qcow2>raw", "stamp"), (WEB, SPOOL, QCOW2, SPOOL, STAMP), False),
    (
        "web, qcow2 wanted, a plugin",
        Planner("web"),
        ("raw>qcow2", "stamp"),
        (WEB, SPOOL, TO_QCOW2, STAMP),
        False,
    ),
    ("web, unpacked once only", Planner("web"), ("unpack", "unpack"), (WEB, UNPACK), False),
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


def test_files_cut_a_plan_into_segments() -> None:
    plan = planned(Planner("web"), "unpack", "stamp", "qcow2>raw", "sign")
    assert plan.source == WEB
    assert [segment.elements for segment in plan.segments] == [
        (WEB, UNPACK, SPOOL),
        (STAMP,),
        (QCOW2, SPOOL),
        (Plugin("sign"),),
        (),
    ]
    first, second, third, _, last = plan.segments
    assert (first.source, first.unpack, first.convert, first.plugin) == (WEB, UNPACK, None, None)
    assert (second.source, second.plugin, second.spools) == (None, STAMP, False)
    assert (third.convert, first.spools, third.spools, last.spools) == (QCOW2, True, True, False)


@pytest.mark.parametrize(
    ("asked", "segments"),
    [
        ((), [(WEB,)]),
        (("unpack",), [(WEB, UNPACK)]),
        (("qcow2>raw",), [(WEB, SPOOL), (QCOW2,)]),
        (("raw>qcow2",), [(WEB, SPOOL), (TO_QCOW2,), ()]),
    ],
)
def test_the_last_segment_ends_in_the_stores(
    asked: tuple[str, ...], segments: list[tuple[Element, ...]]
) -> None:
    assert [segment.elements for segment in planned(Planner("web"), *asked).segments] == segments


def test_planning_goes_on_behind_a_plugin_that_has_changed_everything() -> None:
    plan = planned(Planner.after((WEB, SPOOL, STAMP)), "unpack", "vmdk>raw")
    assert plan.elements == (WEB, SPOOL, STAMP, UNPACK, SPOOL, Convert("vmdk", "raw"))
    assert not planned(Planner.after((STAGED, STAMP))).adopt


def test_unpacking_after_converting_is_refused() -> None:
    with pytest.raises(Invalid, match="before conversion"):
        planned(Planner("web"), "qcow2>raw", "unpack")


def test_its_plain_form_is_stable() -> None:
    assert planned(Planner("web"), "unpack", "stamp", "qcow2>raw").to_dict() == {
        "version": 2,
        "elements": [
            {"element": "source", "kind": "web"},
            {"element": "unpack"},
            {"element": "spool"},
            {"element": "plugin", "name": "stamp"},
            {"element": "convert", "from": "qcow2", "to": "raw"},
        ],
        "adopt": False,
        "digests": {},
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"version": 3, "elements": [{"element": "source", "kind": "web"}], "adopt": False, "digests": {}},
        {"version": 2, "elements": [], "adopt": False, "digests": {}},
        {"version": 2, "elements": [{"element": "spool"}], "adopt": False, "digests": {}},
        {"version": 2, "elements": [{"element": "source"}], "adopt": False, "digests": {}},
        {"version": 2, "elements": [{"element": "magic wand"}], "adopt": False, "digests": {}},
        {"version": 2, "elements": None, "adopt": False, "digests": {}},
    ],
)
def test_what_is_no_plan_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(GlimpseError, match="plan"):
        Plan.from_dict(data)
