"""A key and its value, as several stages show them."""

import strawberry


@strawberry.type
class Attribute:
    key: str
    value: str
