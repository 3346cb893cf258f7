"""Fetching a JWK Set: what an address may answer, and what it may not do to us. All servers are on loopback."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import jwks_fetch
from gateway.keys import Unfetchable
from gateway.trust import tls_context

SET = {"keys": [{"kty": "EC", "kid": "1"}]}
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers GET as it is told, and remembers the requests."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, dict(self.headers.items())))
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # being cut off is what some tests want

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(answer: Answer, tls: ssl.SSLContext | None = None) -> Server:
        made.append(Server(answer, tls))
        return made[-1]

    yield start
    for server in made:
        server.close()


def answer(body: bytes, status: int = 200, **headers: str) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def fetch(url: str) -> Any:
    return jwks_fetch.fetch(url, tls_context(""))


def refused(url: str) -> str:
    with pytest.raises(Unfetchable) as caught:
        fetch(url)
    return str(caught.value)


def test_a_set_is_fetched_and_nothing_of_ours_is_sent(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server = serve(answer(json.dumps(SET).encode()))
    assert fetch(server.url) == SET
    ((path, headers),) = server.requests
    assert path == "/jwks.json"
    assert set(headers) == {"Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"}


def test_a_set_of_unknown_length_is_fetched(serve: Any) -> None:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(json.dumps(SET).encode())

    assert fetch(serve(send).url) == SET


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed(serve: Any, status: int) -> None:
    elsewhere = serve(answer(json.dumps(SET).encode()))
    server = serve(answer(b"", status, Location=elsewhere.url))
    assert "redirection" in refused(server.url)
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("body", "status", "headers", "said"),
    [
        (b"{}", 500, {}, "status 500"),
        (b"{}", 404, {}, "status 404"),
        (b"{}", 204, {}, "status 204"),
        (b"<html>", 200, {}, "not JSON"),
        (b"", 200, {}, "not JSON"),
        (b'{"keys": [], "keys": []}', 200, {}, "not JSON"),
        (b'{"keys": NaN}', 200, {}, "not JSON"),
        (b"[" * 50_000, 200, {}, "not JSON"),
        (b"\xff\xfe", 200, {}, "not JSON"),
        (b" " * 262_145, 200, {}, "larger than 262,144 bytes"),
        (b" " * 300_000, 200, {"Content_Length": "10000000000"}, "larger than"),
        (b"{}", 200, {"Content_Length": "3"}, "breaks off"),
        (b"\x1f\x8b", 200, {"Content_Encoding": "gzip"}, "compressed"),
    ],
)
def test_what_is_not_right_is_refused(serve: Any, body: bytes, status: int, headers: Any, said: str) -> None:
    assert said in refused(serve(answer(body, status, **headers)).url)


def test_nobody_there_is_told_in_general_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}/jwks.json") == "its host does not answer in time"
    assert refused("https://no-such-host.invalid/jwks.json") == "its host does not answer in time"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks_fetch, "TOTAL_S", 0.3)


def drip(handler: BaseHTTPRequestHandler, piece: bytes) -> None:
    for _ in range(200):
        handler.wfile.write(piece)
        handler.wfile.flush()
        time.sleep(0.05)


def test_silence_a_dripping_header_and_a_dripping_body_are_cut_off(serve: Any, hurry: None) -> None:
    def dripping_header(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        drip(handler, b"x")

    def dripping_body(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        drip(handler, b" ")

    for slow in (lambda handler: time.sleep(2), dripping_header, dripping_body):
        assert refused(serve(slow).url) == "its host does not answer in time"


def test_no_thread_outlives_a_fetch(serve: Any, threads: list[threading.Thread]) -> None:
    server = serve(answer(json.dumps(SET).encode()))
    for _ in range(5):
        fetch(server.url)
    server.close()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


# TLS


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for `name`, valid for an hour: the certificate's file and that with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "synthetic")])
    alternative: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, both = folder / f"{name}.pem", folder / f"{name}-both.pem"
    pem = made.public_bytes(serialization.Encoding.PEM)
    public.write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(pem + private)
    return public, both


@pytest.mark.parametrize(("name", "is_trusted"), [("127.0.0.1", True), ("other.example", False)])
def test_a_host_must_prove_its_name(serve: Any, tmp_path: Path, name: str, is_trusted: bool) -> None:
    public, both = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server = serve(answer(json.dumps(SET).encode()), context)
    assert "certificate" in refused(server.url), "nobody has said that it is to be trusted"
    if is_trusted:
        assert jwks_fetch.fetch(server.url, tls_context(str(public))) == SET
    else:
        with pytest.raises(Unfetchable, match="certificate"):
            jwks_fetch.fetch(server.url, tls_context(str(public)))
