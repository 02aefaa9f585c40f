"""Inputs and answers that are the same in several stages."""

import strawberry


@strawberry.input
class IdInput:
    id: strawberry.ID


@strawberry.type
class DeletedPayload:
    id: strawberry.ID


@strawberry.type(name="Warning", description="What may not be meant, or cannot be taken, of which field.")
class Notice:
    field: str
    message: str
