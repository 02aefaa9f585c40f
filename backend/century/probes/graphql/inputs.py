"""Inputs."""

import strawberry


@strawberry.input
class AttributeInput:
    key: str
    value: str
