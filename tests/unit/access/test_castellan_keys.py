"""castellan and a Vault: a server that answers as its key-value store does. Barbican: tests/integration/access."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from oslo_config import cfg

from glimpse.access.caller import Caller
from glimpse.access.castellan_keys import CastellanKeys
from glimpse.access.key_manager import NoCertificate, certified, key_manager_of
from glimpse.access.signature import said
from glimpse.config import Settings, load
from glimpse.errors import Unavailable
from glimpse.testing.httpserver import HttpServer, Reply
from tests.signing import Signer, openssl, signer

DATA = b"the image"
ANN = Caller(user_id="ann", project_id="blue", roles=frozenset(), is_admin=False)
CONFIGURATION = """\
[key_manager]
backend = {backend}
[vault]
vault_url = {url}
root_token_id = root
[glance_store]
stores = file
filesystem_store_datadir = {directory}/store
"""


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def vault(by: Signer) -> Iterator[HttpServer]:
    der = openssl("x509", "-outform", "DER", data=by.certificate)
    with HttpServer({f"/v1/secret/data/{by.uuid}": secret("certificate", der)}) as server:
        yield server


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What castellan has read from files of one test is not there in the next."""
    yield
    cfg.CONF.reset()


def secret(kind: str, value: bytes) -> Reply:
    record = {"type": kind, "value": value.hex(), "algorithm": None, "bit_length": None, "name": "signing"}
    return Reply(json.dumps({"data": {"data": {**record, "created": 1}}}).encode())


def settings(directory: Path, url: str = "http://127.0.0.1:9", backend: str = "vault") -> Settings:
    file = directory / "glance-api.conf"
    file.write_text(CONFIGURATION.format(backend=backend, url=url, directory=directory))
    return load([file], data=directory)


@pytest.mark.parametrize("backend", ["vault", "castellan.key_manager.vault_key_manager.VaultKeyManager"])
def test_a_certificate_in_vault_is_found(tmp_path: Path, vault: HttpServer, by: Signer, backend: str) -> None:
    keys = key_manager_of(settings(tmp_path, vault.url(""), backend))
    found = said(by.properties(DATA))
    assert found is not None
    certified(found, keys, ANN).verify({"sha256": hashlib.sha256(DATA).hexdigest()})
    (request,) = vault.requests
    assert request.headers["x-vault-token"] == "root"


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (None, NoCertificate, "There is no certificate"),
        (Reply(status=403), Unavailable, "cannot be asked"),
        (Reply(status=503), Unavailable, "cannot be asked"),
        (Reply(raw=b""), Unavailable, "cannot be asked"),
        (Reply(b"nonsense"), Unavailable, "cannot be asked"),
    ],
)
def test_what_vault_cannot_give_is_told(
    tmp_path: Path, vault: HttpServer, by: Signer, reply: Reply | None, kind: type[Exception], told: str
) -> None:
    (path,) = vault.replies
    vault.replies = {} if reply is None else {path: reply}
    keys = CastellanKeys(settings(tmp_path, vault.url("")))
    with pytest.raises(kind, match=told):
        keys.certificate(by.uuid, ANN)


def test_a_key_manager_that_is_silent_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, vault: HttpServer, by: Signer
) -> None:
    (path,) = vault.replies
    found, vault.replies = vault.replies, {path: Reply(silent=True)}
    keys = CastellanKeys(settings(tmp_path, vault.url("")), wait=0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"did not answer within 0\.5 s"):
        keys.certificate(by.uuid, ANN)
    assert time.monotonic() - began < 10
    vault.replies = found
    assert keys.certificate(by.uuid, ANN)


def test_barbican_cannot_be_asked_without_a_token(tmp_path: Path, by: Signer) -> None:
    keys = CastellanKeys(settings(tmp_path, backend="barbican"))
    with pytest.raises(NoCertificate, match="asked with a token of Keystone"):
        keys.certificate(by.uuid, ANN)


@pytest.mark.parametrize("backend", ["safe", "castellan.key_manager.safe.Safe", "nothing.here.at_all"])
def test_a_key_manager_that_is_not_there_stops_the_start(tmp_path: Path, backend: str) -> None:
    settings(tmp_path, backend=backend)
    file, data = str(tmp_path / "glance-api.conf"), str(tmp_path / "data")
    command = [sys.executable, "-m", "glimpse.cli", "api", "--config-file", file, "--data", data]
    started = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert started.returncode == 1
    refusal, hint = started.stderr.splitlines()[-2:]
    assert refusal == f"glimpse: [key_manager] backend = {backend}: there is no such key manager."
    assert hint == "  Known: directory, barbican, vault."
    assert "Traceback" not in started.stderr


def test_castellans_options_are_known(tmp_path: Path) -> None:
    known: Mapping[str, object] = vars(settings(tmp_path, "http://vault:8200").vault)
    assert known["vault_url"] == "http://vault:8200"
    assert settings(tmp_path).warnings == ()
