"""Certificates in a real Barbican, asked in the name of whoever uploads."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.integration.access.conftest import configuration
from tests.integration.api.service import BYTES, auth
from tests.integration.imports.service import Service
from tests.servers.barbican import Barbican
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken
from tests.signing import Signer, signer

DATA = os.urandom(2 << 20)


@pytest.fixture(scope="module")
def barbican(identity: Identity, operator: Identity) -> Iterator[Barbican]:
    with Barbican(authtoken(identity.url)) as running:
        running.publish(operator)
        yield running


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, identity: Identity, barbican: Barbican
) -> Iterator[Service]:
    """One that finds Barbican in the catalogue of the Keystone that it asks about tokens."""
    directory = tmp_path_factory.mktemp("barbican")
    sections = authtoken(identity.url) + f"[barbican]\nbarbican_region_name = {barbican.region}\n"
    with Service(directory, configuration=configuration(directory, "keystone", sections)) as running:
        running.conduct()
        yield running


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def ann(identity: Identity) -> str:
    return identity.token("ann")


@pytest.fixture(scope="module")
def certificate(barbican: Barbican, by: Signer, ann: str) -> str:
    """Its UUID, in the project of ann."""
    return barbican.store(ann, by.certificate)


def create(service: Service, token: str, by: Signer, certificate: str, **more: str) -> str:
    signed = {**by.properties(DATA), "img_signature_certificate_uuid": certificate, **more}
    return service.create(token, **signed)


def put(
    service: Service, token: str, image_id: str, data: bytes = DATA, kind: str = "file"
) -> httpx.Response:
    # Over a connection of its own: one whose upload was refused early is closed.
    url = f"{service.url}/v2/images/{image_id}/{kind}"
    return httpx.put(url, content=data, headers={**auth(token), **BYTES}, timeout=60)


def status(service: Service, token: str, image_id: str) -> str:
    return str(service.http.get(f"/v2/images/{image_id}", headers=auth(token)).json()["status"])


def test_an_upload_is_verified_by_a_certificate_in_barbican(
    service: Service, by: Signer, ann: str, certificate: str
) -> None:
    image_id = create(service, ann, by, certificate)
    answer = put(service, ann, image_id, DATA + b"!")
    assert answer.status_code == 400
    assert "does not match img_signature" in answer.text
    assert put(service, ann, image_id).status_code == 204
    assert status(service, ann, image_id) == "active"


def test_an_import_is_verified_though_its_token_has_gone(
    service: Service, identity: Identity, operator: Identity, by: Signer, certificate: str
) -> None:
    ann = identity.token("ann")
    image_id = create(service, ann, by, certificate)
    assert put(service, ann, image_id, kind="stage").status_code == 204
    conductors, service.conductors = service.conductors, []
    for conductor in conductors:
        conductor.send_signal(signal.SIGTERM)
        conductor.wait(20)
    request = {"method": {"name": "glance-direct"}}
    answer = service.http.post(f"/v2/images/{image_id}/import", json=request, headers=auth(ann))
    assert answer.status_code == 202, answer.text
    operator.revoke(ann)
    service.conduct()
    again = identity.token("ann")
    service.wait(lambda: status(service, again, image_id) == "active", 30)


def test_somebody_elses_certificate_cannot_be_had(
    service: Service, identity: Identity, by: Signer, certificate: str
) -> None:
    zoe = identity.token("zoe")
    answer = put(service, zoe, create(service, zoe, by, certificate))
    assert answer.status_code == 400
    assert f"does not let you have certificate {certificate} (it says 403)" in answer.text


def test_what_is_not_there_or_no_certificate_is_told(
    service: Service, barbican: Barbican, by: Signer, ann: str
) -> None:
    missing = "6c7b4bd0-8e52-4c5f-9e0b-000000000001"
    answer = put(service, ann, create(service, ann, by, missing))
    assert (answer.status_code, f"no certificate {missing}" in answer.text) == (400, True)
    for kind in ("certificate", "opaque"):
        nothing = barbican.store(ann, b"nothing", kind)
        answer = put(service, ann, create(service, ann, by, nothing))
        assert (answer.status_code, "is not an X.509 certificate" in answer.text) == (400, True)


def test_a_certificate_that_was_stored_as_any_data_will_do(
    service: Service, barbican: Barbican, by: Signer, ann: str
) -> None:
    image_id = create(service, ann, by, barbican.store(ann, by.certificate, "opaque"))
    assert put(service, ann, image_id).status_code == 204


def test_while_barbican_is_away_clients_are_told_to_come_again(
    service: Service, barbican: Barbican, by: Signer, ann: str, certificate: str
) -> None:
    uploaded, imported = create(service, ann, by, certificate), create(service, ann, by, certificate)
    assert put(service, ann, imported, kind="stage").status_code == 204
    request = {"method": {"name": "glance-direct"}}
    barbican.stop(signal.SIGKILL)
    try:
        answer = put(service, ann, uploaded)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "key manager" in answer.text
        assert status(service, ann, uploaded) == "queued"
        answer = service.http.post(f"/v2/images/{imported}/import", json=request, headers=auth(ann))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert status(service, ann, imported) == "uploading"
    finally:
        barbican.start()
    assert put(service, ann, uploaded).status_code == 204
    answer = service.http.post(f"/v2/images/{imported}/import", json=request, headers=auth(ann))
    assert answer.status_code == 202
    service.wait(lambda: status(service, ann, imported) == "active", 30)
