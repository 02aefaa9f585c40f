"""What a certificate says, and whether it is of a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509

DAY = 86_400.0
MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who it is of and from whom; the names and addresses that it may be shown for, and when."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    begins: datetime
    ends: datetime

    def days_left(self, now: datetime) -> float:
        """The days until it expires; below zero once it has."""
        return (self.ends - now.astimezone(UTC)).total_seconds() / DAY

    def is_of(self, name: str) -> bool:
        """Whether it may be shown for a name or an address, as RFC 9525 has it: `*` stands for one whole label."""
        try:
            return str(ip_address(name)) in self.addresses
        except ValueError:
            wanted = name.rstrip(".").lower()
        _, dot, domain = wanted.partition(".")
        return any(
            each == wanted or (each.startswith("*.") and dot and each[2:] == domain)
            for each in (name.rstrip(".").lower() for name in self.names)
        )


@lru_cache(maxsize=1024)
def certificate(der: bytes) -> Certificate | None:
    """What a certificate in DER says; None where it cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        subject, issuer = found.subject.rfc4514_string(), found.issuer.rfc4514_string()
        begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
        names: list[str] = []
        addresses: list[str] = []
        try:
            also = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = also.get_values_for_type(x509.DNSName)[:MOST_NAMES]
            addresses = [str(each) for each in also.get_values_for_type(x509.IPAddress)][:MOST_NAMES]
        except x509.ExtensionNotFound:
            pass
    except ValueError:
        return None
    return Certificate(subject, issuer, tuple(names), tuple(addresses), begins, ends)
