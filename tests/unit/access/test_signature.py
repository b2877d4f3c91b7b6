"""Signatures made by openssl, with every type of key and every hash."""

import hashlib
import json
from pathlib import Path

import pytest

from glimpse.access.signature import KEY_TYPES, METHODS, BadSignature, Signature, algorithm, said
from tests.signing import Signer, openssl, signer

DATA = b"the image" * 1000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def signers(place: Path) -> dict[str, Signer]:
    return {key_type: signer(place, key_type) for key_type in KEY_TYPES}


def signature(by: Signer, **changed: str) -> Signature:
    """That of DATA, with some properties changed."""
    found = said({**by.properties(DATA), **changed})
    assert found is not None
    return Signature(found, by.certificate)


def digests(data: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in METHODS.values()}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_what_openssl_signed_is_verified_and_nothing_else(
    signers: dict[str, Signer], key_type: str, method: str
) -> None:
    properties = signers[key_type].properties(DATA, method)
    found = said(properties)
    assert found is not None
    made = Signature(found, signers[key_type].certificate)
    made.check()
    assert (made.algorithm,) == algorithm(properties) == (method.replace("-", "").lower(),)
    made.verify(digests(DATA))
    with pytest.raises(BadSignature, match="does not match img_signature"):
        made.verify(digests(DATA + b"!"))


@pytest.mark.parametrize("salt", ["max", "digest", "0", "20"])
def test_any_length_of_the_salt_will_do(signers: dict[str, Signer], salt: str) -> None:
    by = signers["RSA-PSS"]
    value = openssl("base64", "-A", data=by.sign(DATA, salt=salt)).decode()
    signature(by, img_signature=value).verify(digests(DATA))


def test_a_signature_of_another_padding_is_none(signers: dict[str, Signer]) -> None:
    by = signers["RSA-PSS"]
    value = openssl("base64", "-A", data=openssl("dgst", "-sha256", "-sign", by.key, data=DATA)).decode()
    with pytest.raises(BadSignature, match="does not match"):
        signature(by, img_signature=value).verify(digests(DATA))


def test_base64_may_have_line_breaks(signers: dict[str, Signer]) -> None:
    by = signers["RSA-PSS"]
    value = openssl("base64", data=by.sign(DATA)).decode()
    assert "\n" in value.strip()
    signature(by, img_signature=value).verify(digests(DATA))


def test_the_key_of_another_certificate_does_not_match(place: Path, signers: dict[str, Signer]) -> None:
    by = signers["RSA-PSS"]
    found = said(by.properties(DATA))
    assert found is not None
    with pytest.raises(BadSignature, match=f"the RSA-PSS key of certificate {by.uuid}"):
        Signature(found, signer(place).certificate).verify(digests(DATA))


def test_it_survives_being_written_down(signers: dict[str, Signer]) -> None:
    made = signature(signers["DSA"])
    again = Signature.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    again.verify(digests(DATA))


def test_a_certificate_may_be_der(signers: dict[str, Signer]) -> None:
    by = signers["RSA-PSS"]
    der = openssl("x509", "-outform", "DER", data=by.certificate)
    Signature(signature(by).said, der).verify(digests(DATA))


@pytest.mark.parametrize(("begins", "ends"), [("200101", "200201"), ("480101", "490101")])
def test_a_certificate_holds_between_its_days_only(place: Path, begins: str, ends: str) -> None:
    made = signature(signer(place, begins=begins, ends=ends))
    for use in (made.check, lambda: made.verify(digests(DATA))):
        with pytest.raises(BadSignature, match=f"valid from 20{begins[:2]}-.* to 20{ends[:2]}-.*, not now"):
            use()


@pytest.mark.parametrize(
    ("key_type", "claimed"),
    [
        ("RSA-PSS", "DSA"),
        ("RSA-PSS", "ECC_SECP384R1"),
        ("DSA", "RSA-PSS"),
        ("ECC_SECP384R1", "RSA-PSS"),
        ("ECC_SECP384R1", "ECC_SECP521R1"),
        ("P-256", "ECC_SECP384R1"),
    ],
)
def test_a_key_must_be_of_the_type_that_is_named(place: Path, key_type: str, claimed: str) -> None:
    with pytest.raises(BadSignature, match=f"is not {claimed}"):
        signature(signer(place, key_type), img_signature_key_type=claimed).check()


def test_a_curve_that_nobody_verifies_any_more_is_told(place: Path) -> None:
    by = signer(place, "sect571k1")
    with pytest.raises(BadSignature, match="cannot be used here"):
        signature(by, img_signature_key_type="ECC_SECP521R1").check()


def test_a_small_key_cannot_have_signed_a_long_digest(place: Path) -> None:
    key = place / "small.key"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", key)
    certificate = openssl("req", "-x509", "-new", "-key", key, "-days", "2", "-subj", "/CN=images")
    by = Signer("RSA-PSS", key, certificate, "6c7b4bd0-8e52-4c5f-9e0b-000000000001")
    made = signature(by, img_signature_hash_method="SHA-512")
    with pytest.raises(BadSignature, match="does not match"):
        made.verify(digests(DATA))


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_told(signers: dict[str, Signer], content: bytes) -> None:
    with pytest.raises(BadSignature, match=r"is not an X\.509 certificate"):
        Signature(signature(signers["RSA-PSS"]).said, content).check()


def test_a_private_key_is_no_certificate(signers: dict[str, Signer]) -> None:
    by = signers["RSA-PSS"]
    with pytest.raises(BadSignature, match=r"is not an X\.509 certificate"):
        Signature(signature(by).said, by.key.read_bytes()).check()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("img_signature", "", "must be base64"),
        ("img_signature", "not base64!", "must be base64"),
        ("img_signature", "AAA", "must be base64"),
        ("img_signature", "ÄÄÄÄ", "must be base64"),
        ("img_signature_hash_method", "MD5", "It is one of|cannot be 'MD5'"),
        ("img_signature_hash_method", "sha-256", "cannot be 'sha-256'"),
        ("img_signature_hash_method", "", "cannot be ''"),
        ("img_signature_key_type", "RSA", "cannot be 'RSA'"),
        ("img_signature_key_type", "ECC_SECT571K1", "cannot be 'ECC_SECT571K1'"),
        ("img_signature_certificate_uuid", "", "must be a UUID"),
        ("img_signature_certificate_uuid", "../../sys/policy/root", "must be a UUID"),
        ("img_signature_certificate_uuid", "6c7b4bd0-8e52-4c5f-9e0b-00000000000/", "must be a UUID"),
        ("img_signature_certificate_uuid", "6c7b4bd08e52-4c5f-9e0b-000000000001", "must be a UUID"),
        ("img_signature_certificate_uuid", "6c7b4bd0-8e52-4c5f-9e0b-000000000001\n", "must be a UUID"),
    ],
)
def test_nonsense_is_refused(signers: dict[str, Signer], name: str, value: str, told: str) -> None:
    with pytest.raises(BadSignature, match=told):
        said({**signers["RSA-PSS"].properties(DATA), name: value})


def test_only_an_image_with_all_four_properties_is_signed(signers: dict[str, Signer]) -> None:
    properties = signers["RSA-PSS"].properties(DATA)
    assert said({}) is None
    for name in properties:
        rest = {each: value for each, value in properties.items() if each != name}
        assert said(rest) is None
        assert algorithm(rest) == ()
    with pytest.raises(BadSignature):
        said({**properties, "img_signature": None})
