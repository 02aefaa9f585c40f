"""What a person's name and email may be, and who may not be taken away."""

from __future__ import annotations

import re
import unicodedata

from century.core.actor import Role
from century.core.errors import Conflict, Invalid

ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)

# Printable ASCII without what means something in a mail header.
_EMAIL = re.compile(r"(?:(?![@<>()\[\],;:\\\"])[!-~])+@(?:(?![@<>()\[\],;:\\\"])[!-~])+")


def check_name(name: str) -> str:
    """The name as it is stored: 1 to 64 printable characters, without `@`, so that it is never somebody's email."""
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not 1 <= len(name) <= 64:
        raise Invalid("a name has 1 to 64 characters", field="name")
    if "@" in name or not name.isprintable():
        raise Invalid("a name is made of printable characters without '@'", field="name")
    return name


def check_email(email: str) -> str:
    """The email address as it is stored; only its shape is checked."""
    email = email.strip()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Invalid("this is not an email address", field="email")
    return email


def check_role(role: Role) -> Role:
    """A role a person may have: `system` is for API keys alone."""
    if role not in ROLES:
        raise Invalid("the role 'system' is for API keys: a person is viewer, operator or admin", field="role")
    return role


def check_remaining_admins(remaining: int) -> None:
    """Refuse a change after which nobody could administer the installation."""
    if remaining < 1:
        raise Conflict("this is the last admin: make somebody else admin first")
