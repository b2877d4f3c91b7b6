"""Files of users: what is understood, and what stops the start."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse.access.htpasswd import BrokenFile, User, read

HASH = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd"


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd-roles"


def test_names_hashes_projects_and_roles(passwords: Path, roles: Path) -> None:
    passwords.write_text(f"# users\n\nann:{HASH}\r\nolga smith:{HASH}\nzoe:{HASH}\n")
    roles.write_text("olga smith: operators : Admin , auditor\n# ann:green:admin\nann:blue:reader")
    assert read(passwords, roles) == {
        "ann": User("ann", HASH.encode(), "blue", frozenset({"reader"})),
        "olga smith": User(
            "olga smith",
            HASH.encode(),
            "operators",
            frozenset({"admin", "manager", "member", "reader", "auditor"}),
        ),
        "zoe": User("zoe", HASH.encode(), "zoe", frozenset({"member", "reader"})),
    }


def test_without_a_file_of_roles_everybody_is_a_member_of_a_project_of_her_own(passwords: Path) -> None:
    passwords.write_text(f"ann:{HASH}")
    assert read(passwords, None)["ann"] == User("ann", HASH.encode(), "ann", frozenset({"member", "reader"}))


def test_a_place_without_a_password_is_nobodys(
    passwords: Path, roles: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords.write_text(f"ann:{HASH}\n")
    roles.write_text("eve:blue:admin\n")
    assert set(read(passwords, roles)) == {"ann"}
    assert "eve has a project but no password" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        "ann",
        "ann:",
        f":{HASH}",
        f" :{HASH}",
        f"ann:{HASH}:blue:member",
        f"ann:{HASH[:-1]}",
        f"ann:{HASH}x",
        f"a\x00nn:{HASH}",
        "ann:secret",
        "ann:$apr1$pWzC4Chb$lm5Dn/WBbSh/Oozq8OWo71",
        "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "ann:rqXexS6ZhobKA",
        "ann:$5$rounds=5000$abcdefghijklmnop$sGoKd0Y3gFf9nZr0cGEo1O0zsT8Jd6C0Q0yT9Xk9Y3C",
        "ann:" + HASH.replace("$2y$", "$2x$"),
        "ann:" + HASH.replace("$05$", "$03$"),
        "ann:" + HASH.replace("$05$", "$16$"),
        "ann:" + HASH.replace("$05$", "$31$"),
    ],
)
def test_a_line_of_passwords_that_is_not_right_is_named_and_not_shown(passwords: Path, line: str) -> None:
    passwords.write_text(f"zoe:{HASH}\n{line}\n")
    with pytest.raises(BrokenFile, match=r"htpasswd:2: ") as caught:
        read(passwords, None)
    assert HASH[7:] not in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "line",
    ["ann", "ann:blue", "ann::member", "ann: :member", "ann:blue:", "ann:blue:a,,b", "ann:blue:a:b", ":b:c"],
)
def test_a_line_of_roles_that_is_not_right_is_named(passwords: Path, roles: Path, line: str) -> None:
    passwords.write_text(f"ann:{HASH}\n")
    roles.write_text(f"\n{line}\n")
    with pytest.raises(BrokenFile, match=r"htpasswd-roles:2: "):
        read(passwords, roles)


def test_a_name_stands_once_in_a_file(passwords: Path, roles: Path) -> None:
    passwords.write_text(f"ann:{HASH}\nzoe:{HASH}\nann:{HASH}\n")
    with pytest.raises(BrokenFile, match=r"htpasswd:3: ann is on line 1 as well"):
        read(passwords, None)
    passwords.write_text(f"ann:{HASH}\n")
    roles.write_text("ann:blue:reader\nann:green:admin\n")
    with pytest.raises(BrokenFile, match=r"htpasswd-roles:2: ann is on line 1 as well"):
        read(passwords, roles)


def test_what_cannot_be_read_is_told(passwords: Path, tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="htpasswd: No such file"):
        read(passwords, None)
    passwords.write_bytes(b"ann:\xff\n")
    with pytest.raises(BrokenFile, match="not a text in UTF-8"):
        read(passwords, None)


@given(content=st.text(alphabet=st.sampled_from("a:$2y05./\n\r\t #,\x00é\u2028"), max_size=200))
def test_any_text_is_understood_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any-htpasswd"
    path.write_text(content)
    with suppress(BrokenFile):
        assert all(user.project == name for name, user in read(path, None).items())
