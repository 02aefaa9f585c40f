"""Addresses of probes that are not GraphQL."""

from __future__ import annotations

from typing import Any

routes: list[Any] = []
