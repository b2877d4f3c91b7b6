"""The files of TLS: each that cannot work is named before anything starts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glimpse.api.tls import of
from glimpse.config.options.default import Default
from glimpse.errors import Invalid
from tests.integration.edge.certificates import authority, certified, openssl


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    authority(directory, "house")
    for name in ("one", "two"):
        certified(directory, name, "house")
    openssl(directory, "ec", "-in", "one.key", "-aes128", "-passout", "pass:x", "-out", "locked.key")
    (directory / "text").write_text("no certificate\n")
    (directory / "directory").mkdir()
    return directory


def options(place: Path, **files: str) -> Default:
    named: Any = {option: str(place / file) for option, file in files.items()}
    return replace(Default(), **named)


def test_nothing_is_asked_for_where_nothing_is_said(place: Path) -> None:
    assert of(Default()) is None


def test_what_works(place: Path) -> None:
    found = of(options(place, cert_file="one.pem", key_file="one.key", ca_file="house.pem"))
    assert found is not None
    assert (found.certificate, found.key) == (place / "one.pem", place / "one.key")
    assert found.authorities == place / "house.pem"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"cert_file": "one.pem"}, "key_file is missing"),
        ({"key_file": "one.key"}, "cert_file is missing"),
        ({"ca_file": "house.pem"}, "ca_file is set, but the service speaks no TLS"),
        ({"cert_file": "none", "key_file": "one.key"}, "cert_file: .*none cannot be read"),
        ({"cert_file": "one.pem", "key_file": "directory"}, "key_file: .*directory cannot be read"),
        ({"cert_file": "one.pem", "key_file": "two.key"}, "two.key is not the key of the certificate in"),
        ({"cert_file": "text", "key_file": "one.key"}, "text holds no certificate"),
        ({"cert_file": "one.key", "key_file": "one.key"}, "cert_file: .*one.key holds no certificate"),
        ({"cert_file": "one.pem", "key_file": "text"}, "text holds no private key"),
        ({"cert_file": "one.pem", "key_file": "locked.key"}, "locked.key holds no private key"),
        ({"cert_file": "one.pem", "key_file": "one.key", "ca_file": "text"}, "ca_file: .*text holds no cert"),
        (
            {"cert_file": "one.pem", "key_file": "one.key", "ca_file": "none"},
            "ca_file: .*none cannot be read",
        ),
    ],
)
def test_what_cannot_work_is_named(place: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(Invalid, match=rf"\[DEFAULT\] .*{complaint}"):
        of(options(place, **files))
