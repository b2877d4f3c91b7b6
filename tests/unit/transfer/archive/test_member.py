"""Names from archives are shown harmlessly."""

from glimpse.transfer.archive.member import Member, listed, shown


def test_control_characters_are_not_shown() -> None:
    assert shown("plain name-1.img") == "plain name-1.img"
    assert shown("düßk 日本") == "düßk 日本"
    assert shown("a\x1b[2Jb\nc\rd\0e\u202ef\x7f") == "a?[2Jb?c?d?e?f?"


def test_long_names_are_cut() -> None:
    assert shown("x" * 80) == "x" * 80
    assert shown("x" * 81) == "x" * 80 + "…"


def test_twenty_names_and_how_many_more() -> None:
    members = [Member(f"m{number}", True) for number in range(30)]
    assert listed([]) == "nothing"
    assert listed(members[:2]) == "'m0', 'm1'"
    assert listed(members[:20]).endswith("'m19'")
    assert listed(members).endswith("'m19' and 10 more")
