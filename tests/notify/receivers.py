"""Receivers that are real: an HTTP server that answers as told, and a mail server, on ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE = 10.0


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered, after so many seconds; `never` leaves the client waiting."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    never: bool = False


@dataclass
class Receiver:
    """An HTTP server. `answers` are given in turn, then `otherwise`; `received` is what came in."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    otherwise: Answer = field(default_factory=Answer)
    on_received: Callable[[Received], None] | None = None
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def will(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self.answers.extend(answers)

    async def heard(self, count: int = 1, within: float = PATIENCE) -> list[Received]:
        """Wait until so many requests came in, and answer all of them."""
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.received) >= count)
        return list(self.received)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            method, path, _ = first.split(" ", 2)
            headers = {name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines if x)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Received(method, path, headers, body)
            answer = self.answers.popleft() if self.answers else self.otherwise
            async with self._came:
                self.received.append(request)
                self._came.notify_all()
            if self.on_received:
                self.on_received(request)
            if answer.never:
                await reader.read()
            elif answer.after:
                # The client may give up meanwhile.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), answer.after)
            if not answer.never:
                said = {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} Said", *(f"{name}: {value}" for name, value in said.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def http_receiver(path: str = "/hook") -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    receiver = Receiver("")
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    try:
        yield receiver
    finally:
        server.close()
        # Connections that wait for an answer that never comes.
        for task in [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "Receiver._serve"]:  # type: ignore[union-attr]
            task.cancel()


@dataclass
class Mailbox:
    """A mail server. `mails` came in; `refuse` maps a recipient to what RCPT is answered with, "*" any of them."""

    host: str
    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    after_data: deque[str] = field(default_factory=deque)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def heard(self, count: int = 1, within: float = PATIENCE) -> list[EmailMessage]:
        """Wait until so many mails came in, and answer all of them."""
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.mails) >= count)
        return list(self.mails)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self.refuse.get(address) or self.refuse.get("*")
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.after_data:
            return self.after_data.popleft()
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        async with self._came:
            self.mails.append(mail)
            self.recipients.append(list(envelope.rcpt_tos))
            self.senders.append(str(envelope.mail_from))
            self.encrypted.append(session.ssl is not None)
            self._came.notify_all()
        return "250 taken as 4711"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        """Whoever says `secret` is let in."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"secret", handled=False)


@contextlib.asynccontextmanager
async def mail_receiver(tls: ssl.SSLContext | None = None, *, login: bool = False) -> AsyncIterator[Mailbox]:
    """A mail server on a free port; with `tls` it offers (and then asks for) STARTTLS, with `login` a login."""
    mailbox = Mailbox("127.0.0.1", 0)

    def session() -> SMTP:
        return SMTP(
            mailbox,
            hostname="mail.example.com",
            ident="a test",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=mailbox.authenticate if login else None,
            auth_required=login,
            auth_require_tls=tls is not None,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(session, mailbox.host, 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 that nobody but these tests trusts."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    file: Path


def certificate(folder: Path) -> Certificate:
    """Make one; it is valid today."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cafile=str(file))
    return Certificate(server, client, file)
