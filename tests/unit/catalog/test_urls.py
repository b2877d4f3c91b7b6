"""Addresses of databases."""

import pytest

from glimpse.catalog.urls import database_url, place
from glimpse.errors import Invalid


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("mysql://u:p@h/glance", "mysql+pymysql"),
        ("mysql+pymysql://u:p@h/glance?charset=utf8", "mysql+pymysql"),
        ("mariadb://u:p@h/glance", "mysql+pymysql"),
        ("mariadb+pymysql://u:p@h/glance", "mysql+pymysql"),
        ("postgresql://u:p@h/glance", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/glance", "postgresql+psycopg"),
        ("postgres://u:p@h/glance", "postgresql+psycopg"),
        ("sqlite:////var/lib/glance.db", "sqlite"),
    ],
)
def test_urls_of_existing_installations_are_taken(given: str, driver: str) -> None:
    assert database_url(given).drivername == driver


@pytest.mark.parametrize(
    "given", ["", "glance", "oracle+nothing://u:secret@h/glance", "mysql+none://u:secret@h/x"]
)
def test_others_are_explained_without_their_password(given: str) -> None:
    with pytest.raises(Invalid, match="URL") as caught:
        database_url(given)
    assert "secret" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("given", "charset"), [("", "utf8mb4"), ("?charset=utf8", "utf8mb4"), ("?charset=latin1", "latin1")]
)
def test_all_characters_reach_mariadb(given: str, charset: str) -> None:
    assert database_url(f"mysql://u:p@h/glance{given}").query["charset"] == charset


def test_messages_name_the_place_without_the_password() -> None:
    shown = place(database_url("mysql://glance:s3cret@db.example.org:3306/glance?ssl_ca=x"))
    assert shown == "mysql+pymysql://glance:***@db.example.org:3306/glance"
