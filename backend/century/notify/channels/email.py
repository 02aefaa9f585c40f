"""E-mail, by the mail server of `SMTP_HOST`."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtplib import errors

from century.core.errors import Invalid
from century.core.settings import Settings, Smtp
from century.notify.mail import html
from century.notify.message import Message
from century.notify.rendering import subject, text
from century.notify.wire import Config, Field, Permanent, Receipt, Temporary, Wire, deadline
from century.rules.severity import Severity

LABEL = "E-mail"
HELP = "Sends mail by the installation's own mail server."
GROUPS = True
READ = True
LANES = 2
CHILD = False
FIELDS = (
    Field(
        "to",
        "To",
        "Addresses, separated by commas, or the word admins for everybody who is one. A person's own channel may leave it "
        "empty: then it is their account's.",
        required=False,
        placeholder="oncall@example.com",
    ),
)
SECONDS = 15.0
ADMINS = "admins"
MOST_RECIPIENTS = 50
# 550 no such mailbox, 551 not here, 553 no such name; 521 and 556: this host or domain takes no mail at all.
GONE = frozenset({521, 550, 551, 553, 556})


def unavailable(settings: Settings) -> str | None:
    """Without a mail server there is no mail."""
    return None if settings.smtp else "no mail server is set up: SMTP_HOST names one"


def recipients(config: Config) -> list[str]:
    """The addresses that a channel writes to; Invalid for one that is none."""
    given = config["to"].strip() or config.person_email or ""
    if given.lower() == ADMINS:
        # Nobody reads the mail of the account that an installation begins with.
        reachable = [each for each in config.admins if not each.endswith("@localhost")]
        if not reachable:
            raise Invalid("no admin has an e-mail address that can be reached", field="to")
        return reachable[:MOST_RECIPIENTS]
    if not given:
        raise Invalid("name at least one address", field="to")
    if any(ord(each) < 32 for each in given):
        raise Invalid("an address is one line", field="to")
    found: dict[str, None] = {}
    header = default.header_factory("To", given)
    for each in header.addresses:
        domain = each.domain.replace("-", "").replace(".", "")
        if header.defects or not each.username or not domain.isalnum():
            wrong = (each.addr_spec or given)[:80].removesuffix("@")
            raise Invalid(f"'{wrong}' is not an e-mail address; write them like oncall@example.com", field="to")
        found.setdefault(each.addr_spec)
    if not found:
        raise Invalid(f"'{given[:80]}' names no e-mail address; write them like oncall@example.com", field="to")
    if len(found) > MOST_RECIPIENTS:
        raise Invalid(f"{MOST_RECIPIENTS} addresses at most", field="to")
    return list(found)


async def check(config: Config, wire: Wire) -> None:
    """The addresses are some."""
    recipients(config)


async def send(config: Config, message: Message, wire: Wire) -> Receipt:
    """Send one mail to all of them."""
    smtp = wire.settings.smtp
    if smtp is None:
        raise Permanent("no mail server is set up: SMTP_HOST names one")
    try:
        to = recipients(config)
    except Invalid as error:
        raise Permanent(error.message) from None
    mail = compose(message, smtp.sender, to, wire.settings.public_url)
    async with deadline(SECONDS, f"the mail server {smtp.host}"):
        refused, said = await _send(mail, smtp, to, wire)
    if refused:
        return Receipt(f"{said}; refused for {', '.join(f'{each}: {why}' for each, why in refused.items())}")
    return Receipt(said)


async def _send(mail: EmailMessage, smtp: Smtp, to: list[str], wire: Wire) -> tuple[dict[str, str], str]:
    try:
        # The server's address comes from the environment alone, like the leave to reach private addresses does.
        refused, said = await aiosmtplib.send(
            mail,
            sender=smtp.sender,
            recipients=to,
            hostname=smtp.host,
            port=smtp.port,
            username=smtp.username or None,
            password=smtp.password or None,
            local_hostname=host_of(wire.settings.public_url),
            use_tls=smtp.tls == "tls",
            start_tls=smtp.tls == "starttls",
            tls_context=wire.tls if smtp.tls != "none" else None,
            timeout=SECONDS,
        )
    except errors.SMTPRecipientsRefused as error:
        codes = {each.code for each in error.recipients}
        detail = "; ".join(f"{each.code} {each.message}" for each in error.recipients)
        if codes and all(code >= 500 for code in codes):
            raise Permanent(detail, stops=codes <= GONE) from None
        raise Temporary(detail) from None
    except errors.SMTPAuthenticationError as error:
        # Whoever runs the installation can set this right, and then everything that waits goes out.
        raise Temporary(f"the mail server refuses our login: {error.code} {error.message}") from None
    except errors.SMTPResponseException as error:
        detail = f"{error.code} {error.message}"
        if error.code >= 500 and not isinstance(error, errors.SMTPHeloError | errors.SMTPConnectResponseError):
            raise Permanent(detail, stops=error.code in GONE) from None
        raise Temporary(detail) from None
    except errors.SMTPReadTimeoutError:
        raise Temporary(f"the mail server {smtp.host} did not answer", unknown=True) from None
    except (errors.SMTPException, OSError, ValueError) as error:
        raise Temporary(f"the mail server {smtp.host}:{smtp.port}: {error or type(error).__name__}") from None
    return {address: f"{answer.code} {answer.message}" for address, answer in refused.items()}, said


def compose(message: Message, sender: str, to: list[str], public_url: str) -> EmailMessage:
    """The mail. Its Message-ID is the message's key, and all mails about an alert are one thread."""
    host = host_of(public_url)
    mail = EmailMessage()
    mail["Subject"] = subject(message)
    mail["From"] = Address("Century", addr_spec=sender) if sender.isascii() else sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.key}@{host}>"
    if message.alerts:
        threads = " ".join(f"<alert-{each.id}@{host}>" for each in message.alerts[:5])
        mail["In-Reply-To"] = f"<alert-{message.alerts[0].id}@{host}>"
        mail["References"] = threads
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.alerts and message.severity is Severity.CRITICAL:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content(text(message))
    mail.add_alternative(html(message), subtype="html")
    return mail


def host_of(public_url: str) -> str:
    """The host of our own address, as mail names it."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"[{host}]" if host.replace(".", "").isdigit() else host
