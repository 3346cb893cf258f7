"""What an institution has to bring: secrets, a certificate, a clients file. Made on the spot, for localhost."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from contract.deployed import free_ports
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import minting

ROOT: Final = Path(__file__).parents[2]
CLIENT: Final = "e2e"
ISSUER: Final = "https://e2e-ehr.example"

_CONTAINER_USER: Final = 10001
_DAYS: Final = 2


@dataclass(frozen=True)
class Site:
    """Where everything lies, and how the edge is called.

    Attributes:
        folder: secrets, certificate, clients file; nobody else can look into it.
        port: of the edge, on 127.0.0.1.
        prometheus_port: of Prometheus.
        try_port: of the gateway of the profile `try`.
        key: private key of the one client, a JWK.
    """

    folder: Path
    port: int
    prometheus_port: int
    try_port: int
    key: Mapping[str, Any] = field(repr=False)

    @property
    def public_url(self) -> str:
        """What callers call, without a slash at the end."""
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate that vouches for the edge's."""
        return self.folder / "authority.pem"

    def operator(self) -> str:
        """The secret of operators."""
        return (self.folder / "secrets" / "operator.token").read_text("ascii").strip()

    def environment(self) -> dict[str, str]:
        """What docker-compose.yml wants to know."""
        return {
            "SECRETS_DIR": str(self.folder / "secrets"),
            "TLS_DIR": str(self.folder / "tls"),
            "CLIENTS_DIR": str(self.folder / "clients"),
            "SITE_DIR": str(self.folder / "site"),
            "PUBLIC_URL": self.public_url,
            "EDGE_BIND": "127.0.0.1",
            "EDGE_PORT": str(self.port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "TRY_DIR": str(self.folder / "try"),
            "TRY_USER": "1000:1000" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}",
            "GATEWAY_PORT": str(self.try_port),
        }


def made(folder: Path) -> Site:
    """Make all of it in `folder`, which is empty and private."""
    for name in ("secrets", "tls", "clients", "site"):
        (folder / name).mkdir()
    make = [ROOT / "deploy" / "make-secrets", folder / "secrets"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    key = minting.new_key("ES384")
    (folder / "clients" / "clients.yaml").write_text(
        minting.entries_text(minting.entry(CLIENT, ISSUER, key, comment="The suite that calls through the edge."))
    )
    _certify(folder)
    for path in folder.rglob("*"):
        _readable(path)
    edge, prometheus, trying = free_ports(3)
    return Site(folder, edge, prometheus, trying, key)


def _readable(path: Path) -> None:
    """As the documents say it: for the containers' user and for nobody else, if we may give files away."""
    if os.getuid() == 0:
        os.chown(path, _CONTAINER_USER, _CONTAINER_USER)
        path.chmod(0o700 if path.is_dir() else 0o400)
    else:
        path.chmod(0o755 if path.is_dir() else 0o444)


def _certify(folder: Path) -> None:
    """An authority of our own, and a certificate for localhost that it has signed."""
    authority_key, edge_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, edge_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("e2e authority", "localhost")
    )
    now = datetime.now(UTC)

    def building(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(authority_name, subject, public, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=_DAYS))
        )

    authority = (
        building(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    edge = (
        building(edge_name, edge_key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(issued_by, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "tls" / "certificate.pem").write_bytes(edge.public_bytes(pem))
    (folder / "tls" / "key.pem").write_bytes(
        edge_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
