"""Reading the file that protects properties: what it says, or what is wrong with it."""

import warnings
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glimpse.access.protection_file import OPERATIONS, BrokenProtection, Format, parse, read

WHOLE = "[{}]\ncreate = a\nread = a\nupdate = a\ndelete = a\n"


def section(create: str, name: str = "x") -> str:
    return f"[{name}]\ncreate = {create}\nread = @\nupdate = !\ndelete =\n"


def test_sections_keep_their_order_and_roles_are_compared_in_lower_case() -> None:
    found = parse(section("Admin, _Member_ ,,", "^z[a-c]+$") + section("b", "a"), "roles")
    assert [each.pattern.pattern for each in found] == ["^z[a-c]+$", "a"]
    assert found[0].allowed == {
        "create": ("admin", "_member_"), "read": ("@",), "update": ("!",), "delete": ()
    }  # fmt: skip


def test_policy_rules_keep_their_case() -> None:
    (found,) = parse(section("Property_Creator"), "policies")
    assert found.allowed["create"] == ("Property_Creator",)


def test_comments_colons_and_lines_that_go_on_are_as_in_other_files() -> None:
    text = "# all\n[x]\nCREATE: a,\n  b\n; more\nread = %(a)s\nupdate = a\ndelete = a\nunknown = c\n"
    (found,) = parse(text, "roles")
    assert found.allowed["create"] == ("a", "b")
    assert found.allowed["read"] == ("%(a)s",)


def test_a_default_section_stands_in_for_keys_that_others_lack() -> None:
    (found,) = parse("[DEFAULT]\nread = @\nupdate = !\ndelete = !\n[x]\ncreate = a\n", "roles")
    assert found.allowed["read"] == ("@",)


@pytest.mark.parametrize("name", ["os_glance.*", "os_glance_x|hw_.*"])
def test_no_section_is_about_the_services_own_properties(name: str) -> None:
    assert parse(f"[{name}]\ncreate = @,!\n", "roles") == ()


def test_an_empty_file_has_no_sections() -> None:
    assert parse("", "roles") == parse("# nothing yet\n", "policies") == ()


@pytest.mark.parametrize("key", OPERATIONS)
@pytest.mark.parametrize("format", ["roles", "policies"])
def test_each_key_is_needed(key: str, format: Format) -> None:
    text = "".join(line for line in WHOLE.format("^hw_").splitlines(True) if not line.startswith(key))
    with pytest.raises(BrokenProtection, match=rf"^\[\^hw_\] lacks {key}\.$"):
        parse(text, format)


@pytest.mark.parametrize(
    ("text", "format", "complaint"),
    [
        (section("@,!"), "roles", r"\[x\] create = @,!: it is either @, everybody, or !, nobody"),
        (section("a, ! , @"), "roles", r"\[x\] create = a, ! , @: it is either"),
        (section("@,!"), "policies", r"\[x\] create = @,!: it is either"),
        (section("a,b"), "policies", r"\[x\] create = a,b: there must be one policy rule"),
        (section("a,"), "policies", r"\[x\] create = a,: there must be one policy rule"),
        (section("a", "(hw_"), "roles", r"\[\(hw_\] is not a regular expression: missing \)"),
        (section("a", "a{99999999999}"), "roles", r"\[a\{9+\}\] is not a regular expression"),
        (section("a", "(" * 5000 + ")" * 5000), "roles", r"is not a regular expression"),
        (section("a") + section("a"), "roles", r"\[line +6\]: section 'x' already exists"),
        ("create = a\n", "roles", r"no section headers"),
        ("[x]\ncreate\n", "roles", r"parsing errors: .*\[line +2\]: 'create"),
        ("[x]\ncreate = a\ncreate = b\n", "roles", r"option 'create' in section 'x' already exists"),
    ],
)
def test_what_is_wrong_is_told(text: str, format: Format, complaint: str) -> None:
    with pytest.raises(BrokenProtection, match=complaint):
        parse(text, format)


@pytest.mark.parametrize("content", [b"[x]\nread = \xff\n", b"[x]\n", None])
def test_the_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "protections.conf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BrokenProtection, match=r"protections\.conf"):
        read(path, "roles")


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "protections.conf"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.format("x").encode())
    assert len(read(path, "roles")) == 1


PIECES = st.sampled_from([
    "[", "]", "=", ":", "\n", "\r", "\f", "\v", " ", "\t", "#", ";", ",", "@", "!", "%", "\0", "(", ")", "*", "+", "?",
    "create", "read", "update", "delete", "admin", "DEFAULT", "os_glance", "é", "\u2028", "\x1c", "\x85", "^", "\\",
])  # fmt: skip
VALUES = st.text(st.characters(blacklist_categories=()), max_size=8)
SECTIONS = st.tuples(VALUES, *([VALUES] * 4)).map(
    lambda all: f"[{all[0]}]\ncreate={all[1]}\nread={all[2]}\nupdate={all[3]}\ndelete={all[4]}\n"
)


@given(
    st.one_of(
        st.text(), st.lists(PIECES, max_size=60).map("".join), st.lists(SECTIONS, max_size=3).map("".join)
    ),
    st.sampled_from(["roles", "policies"]),
)
@example("[[a&&b]\ncreate=@\nread=@\nupdate=@\ndelete=@\n", "roles")
def test_any_text_is_either_rules_or_a_clear_error(text: str, format: Format) -> None:
    with warnings.catch_warnings():
        # Patterns that a later Python may understand otherwise are the operator's.
        warnings.simplefilter("ignore")
        try:
            found = parse(text, format)
        except BrokenProtection:
            return
    for each in found:
        each.pattern.search("hw_disk_bus")
        assert set(each.allowed) == set(OPERATIONS)
        for words in each.allowed.values():
            assert not {"@", "!"} <= set(words)
            assert format == "roles" or len(words) <= 1
            assert all(word == word.strip() != "" for word in words)
