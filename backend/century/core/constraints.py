"""A broken constraint, told by its name as an error of a field."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from century.core.errors import CenturyError, Conflict, Invalid, NotFound


def broken(error: BaseException | None) -> CenturyError | None:
    """What a caller is told of an IntegrityError; None of any other error, and of a constraint without our naming.

    `uq_person_email` is a Conflict of `email`, `ck_rule_threshold` an Invalid `threshold`, `fk_…` a NotFound.
    """
    if not isinstance(error, IntegrityError):
        return None
    driver = error.orig.__cause__ if error.orig else None
    name, table = getattr(driver, "constraint_name", None), getattr(driver, "table_name", None)
    if not name or not table:
        return None
    kind, _, rest = str(name).partition("_")
    column = rest.removeprefix(f"{table}_")
    match kind:
        case "uq":
            return Conflict(f"this {column.replace('_', ' ')} is taken already")
        case "ck":
            return Invalid(f"this {column.replace('_', ' ')} cannot be taken", field=_camel(column))
        case "fk":
            return NotFound(f"nothing of this {column.removesuffix('_id').replace('_', ' ')}")
    return None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
