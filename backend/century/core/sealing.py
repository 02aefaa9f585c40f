"""Secrets at rest: sealed with AES-256-GCM, bound to their row, by keys that can be changed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = b"\x01"
KEY_ID_LENGTH = 4
NONCE_LENGTH = 12
CHANNELS = (b"century channel secrets", b"channel:")
PROBES = (b"century probe secrets", b"probe:")
HEARTBEATS = (b"century heartbeat tokens", b"heartbeat:")
"""What keys are derived for, and what a box is bound to besides its row."""


class Unsealable(Exception):
    """The secrets were sealed for another row, with another key, or they were changed."""


class Seal:
    """Seals with the key of the first secret, opens with that of any: name the old secret second to change it."""

    def __init__(self, keys: Sequence[str], purpose: tuple[bytes, bytes] = CHANNELS) -> None:
        if not keys:
            raise ValueError("sealing needs a secret")
        info, self._bond = purpose
        self._owner = self._bond.decode().rstrip(":")
        derived = [_derive(each, info) for each in keys]
        self._current = _key_id(derived[0])
        self._keys = {_key_id(each): AESGCM(each) for each in reversed(derived)}

    def close(self, row: UUID, values: Mapping[str, str]) -> bytes | None:
        """Seal the secrets of a row; None where there are none."""
        if not values:
            return None
        nonce = secrets.token_bytes(NONCE_LENGTH)
        head = VERSION + self._current + nonce
        return head + self._keys[self._current].encrypt(
            nonce, orjson.dumps(dict(values)), self._bond + row.bytes + head
        )

    def open(self, row: UUID, sealed: bytes | None) -> dict[str, str]:
        """The secrets of a row; raises Unsealable for what was not sealed for it by a known key."""
        if sealed is None:
            return {}
        end = 1 + KEY_ID_LENGTH + NONCE_LENGTH
        head, box = sealed[:end], sealed[end:]
        key = self._keys.get(head[1 : 1 + KEY_ID_LENGTH])
        if head[:1] != VERSION or key is None:
            raise Unsealable(
                f"the {self._owner}'s secrets were sealed with another MONITORING_SECRET: "
                "name it as MONITORING_SECRET_PREVIOUS, or enter them again"
            )
        try:
            values = orjson.loads(key.decrypt(head[1 + KEY_ID_LENGTH :], box, self._bond + row.bytes + head))
        except (InvalidTag, ValueError):
            raise Unsealable(f"the {self._owner}'s secrets do not belong to it: enter them again") from None
        return {str(name): str(value) for name, value in values.items()}

    def is_current(self, sealed: bytes | None) -> bool:
        """Whether these secrets are sealed with the key of today."""
        return sealed is None or sealed[1 : 1 + KEY_ID_LENGTH] == self._current


def _derive(secret: str, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(secret.encode())


def _key_id(key: bytes) -> bytes:
    return hmac.new(key, b"id", hashlib.sha256).digest()[:KEY_ID_LENGTH]
