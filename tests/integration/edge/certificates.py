"""Certificates, made by OpenSSL's own program."""

import subprocess
from pathlib import Path


def openssl(directory: Path, *words: str) -> None:
    """Run one of its commands in a directory."""
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)


def authority(directory: Path, name: str) -> Path:
    """An authority's certificate; its key lies beside it."""
    openssl(
        directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
    )  # fmt: skip
    return directory / f"{name}.pem"


def certified(directory: Path, name: str, by: str) -> tuple[Path, Path]:
    """A certificate for localhost and its key, signed by an authority of this directory."""
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl(
        directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
    )  # fmt: skip
    openssl(
        directory, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key",
        "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem",
    )  # fmt: skip
    return directory / f"{name}.pem", directory / f"{name}.key"
