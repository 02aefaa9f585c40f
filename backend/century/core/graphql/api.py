"""The schema and the one way into it: parse, bound, validate, permit, run."""

import asyncio
import dataclasses
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    execute,
    specified_rules,
    subscribe,
    validate,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.field import StrawberryField

from century.core.errors import CenturyError, Invalid
from century.core.graphql import guard
from century.core.graphql.context import Context
from century.core.graphql.failures import Presented, present, present_expected
from century.core.graphql.fields import cursor_of, is_shared
from century.core.graphql.permissions import STRAWBERRY, Need, Permissions, refuse_missing
from century.core.graphql.scalars import SCALARS

# Strawberry's own logger prints the documents it refuses, literals and all; ours is in `failures`.
logging.getLogger("strawberry.execution").disabled = True

DEADLINE_SECONDS = 10.0
PREPARED_KEPT = 512
LONGEST_KEPT = 16 * 1024
# A parsed document takes a hundred times its text.
MOST_KEPT_CHARACTERS = 256 * 1024
MAX_VALIDATION_ERRORS = 5
QUERIES = frozenset({OperationType.QUERY})
EVERYTHING = frozenset(OperationType)


class WrongMethod(CenturyError):
    """An operation that may not come this way."""

    code = "INVALID"
    status = 405


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that is valid, within bounds, and knows what it needs.

    `cursor` is set of a subscription to a log of events: the variable that says after which, or "" where none does.
    """

    query: str
    document: DocumentNode
    operation: OperationDefinitionNode
    needs: tuple[Need, ...]
    shared: bool
    cursor: str | None = None

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None

    @property
    def kind(self) -> OperationType:
        return self.operation.operation


@dataclass(slots=True)
class Answer:
    """What an operation came to. `data` is absent (`ran` is false) when nothing ran; `status` is for HTTP."""

    data: dict[str, Any] | None = None
    errors: list[Presented] = field(default_factory=list)
    ran: bool = True
    status: int = 200

    def encode(self) -> bytes:
        body: dict[str, Any] = {"data": self.data} if self.ran else {}
        if self.errors:
            body["errors"] = self.errors
        return encode(body)


def encode(value: Any) -> bytes:
    """JSON; numpy columns as arrays."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME, default=_plain)


def _plain(value: Any) -> Any:
    # orjson writes native, contiguous numeric arrays itself; whatever else a column holds goes as a list.
    return value.tolist()


class Api:
    """A schema with its permissions; every operation of every transport comes through `prepare`."""

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Sequence[type] = (),
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self.schema = strawberry.Schema(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            config=StrawberryConfig(scalar_map=SCALARS, sort_schema=False),
        )
        self._core = self.schema._schema
        self.permissions = Permissions(self._core)
        self._deadline = deadline
        self._rules = (*specified_rules, OneOfInputValidationRule)
        self._prepared: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()
        self._characters = 0

    def sdl(self) -> str:
        """The schema as it is published, the same for the same types."""
        return print_schema(self.schema).rstrip() + "\n"

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        """The operation meant; CenturyError or a Rejected with every complaint where it cannot be run."""
        key = (query, operation_name)
        if found := self._prepared.get(key):
            self._prepared.move_to_end(key)
            return found
        try:
            document = guard.parse_bounded(query)
        except GraphQLError as error:
            raise Rejected([error]) from None
        guard.check(document)
        operation = _choose(document, operation_name)
        if errors := validate(self._core, document, self._rules, max_errors=MAX_VALIDATION_ERRORS):
            raise Rejected(errors)
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        needs = self.permissions.needs(operation, fragments)
        prepared = Prepared(query, document, operation, needs, self._is_shared(operation), self._cursor_of(operation))
        if len(query) <= LONGEST_KEPT:
            self._prepared[key] = prepared
            self._characters += len(query)
            while len(self._prepared) > PREPARED_KEPT or self._characters > MOST_KEPT_CHARACTERS:
                (oldest, _), _ = self._prepared.popitem(last=False)
                self._characters -= len(oldest)
        return prepared

    async def run(
        self,
        query: str,
        context: Context,
        variables: Mapping[str, Any] | None = None,
        operation_name: str | None = None,
        *,
        allowed: frozenset[OperationType] = EVERYTHING,
    ) -> Answer:
        """The answer to a query or mutation; never raises what a caller can cause."""
        try:
            prepared = self.prepare(query, operation_name)
            if prepared.kind is OperationType.SUBSCRIPTION:
                raise WrongMethod("a subscription needs a websocket with graphql-transport-ws")
            if prepared.kind not in allowed:
                raise WrongMethod("only queries may be sent by GET")
            refuse_missing(prepared.needs, context.actor.permissions)
        except Rejected as rejected:
            return rejected.answer()
        except CenturyError as error:
            return refusal(error)
        return await self.execute(prepared, context, variables)

    async def execute(self, prepared: Prepared, context: Context, variables: Mapping[str, Any] | None) -> Answer:
        """Run a prepared and permitted query or mutation within the deadline."""
        try:
            guard.check_variables(variables or {})
            async with asyncio.timeout(self._deadline):
                result = execute(
                    self._core,
                    prepared.document,
                    context_value=context,
                    variable_values=dict(variables or {}),
                    operation_name=prepared.name,
                    executor_class=self.schema.execution_context_class,
                    is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
        except Invalid as error:
            return refusal(error)
        except TimeoutError:
            return refusal(guard.TooComplex(f"took longer than {self._deadline:g} s: ask for less"), status=503)
        return _answer(result)

    async def subscribe(
        self, prepared: Prepared, context: Context, variables: Mapping[str, Any] | None
    ) -> AsyncIterator[Answer]:
        """The answers of a prepared and permitted subscription; a single one with `ran` false if it cannot start."""
        try:
            guard.check_variables(variables or {})
        except Invalid as error:
            yield refusal(error)
            return
        source = subscribe(
            self._core,
            prepared.document,
            context_value=context,
            variable_values=dict(variables or {}),
            operation_name=prepared.name,
            executor_class=self.schema.execution_context_class,
        )
        if not isinstance(source, ExecutionResult | AsyncIterator):
            source = await source
        if isinstance(source, ExecutionResult):
            answer = _answer(source)
            answer.ran = False
            yield answer
            return
        async with aclosing(source) as results:  # type: ignore[type-var]
            try:
                async for result in results:
                    yield _answer(result)
            except Exception as error:  # noqa: BLE001 a resolver may raise anything; the subscriber is told once
                failed = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
                yield Answer(errors=[present(failed) if failed.original_error else _unexpected(failed)], ran=False)

    def _is_shared(self, operation: OperationDefinitionNode) -> bool:
        root = self._core.subscription_type
        if operation.operation is not OperationType.SUBSCRIPTION or root is None:
            return False
        names = [getattr(each, "name", None) for each in operation.selection_set.selections]
        made = [
            root.fields[name.value].extensions.get(STRAWBERRY) for name in names if name and name.value in root.fields
        ]
        return len(made) == len(names) and all(isinstance(each, StrawberryField) and is_shared(each) for each in made)

    def _cursor_of(self, operation: OperationDefinitionNode) -> str | None:
        root = self._core.subscription_type
        first = operation.selection_set.selections[0] if operation.selection_set.selections else None
        if operation.operation is not OperationType.SUBSCRIPTION or root is None or not isinstance(first, FieldNode):
            return None
        made = root.fields[first.name.value].extensions.get(STRAWBERRY) if first.name.value in root.fields else None
        named = cursor_of(made) if isinstance(made, StrawberryField) else None
        if named is None:
            return None
        given = next((each.value for each in first.arguments or () if each.name.value == named), None)
        return given.name.value if isinstance(given, VariableNode) else ""


class Rejected(Exception):
    """A document with errors of syntax or validation."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("rejected")
        self.errors = errors

    def answer(self) -> Answer:
        return Answer(errors=[present(each) for each in self.errors], ran=False, status=400)


def refusal(error: CenturyError, status: int | None = None) -> Answer:
    """The answer of an operation that did not run."""
    return Answer(errors=[present_expected(error)], ran=False, status=status or error.status)


def _answer(result: ExecutionResult) -> Answer:
    errors = result.errors or []
    # Variables that do not fit their types stop an operation before its first field: no error has a path then.
    ran = result.data is not None or any(each.path is not None for each in errors)
    return Answer(result.data, [present(each) for each in errors], ran, 200 if ran else 400)


def _unexpected(error: GraphQLError) -> Presented:
    return present(GraphQLError(error.message, original_error=RuntimeError(error.message)))


def _choose(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name:
        chosen = [each for each in operations if each.name and each.name.value == name]
    else:
        chosen = operations
    if len(chosen) == 1 or (chosen and name):
        return chosen[0]
    if name:
        raise Invalid("the document has no operation of that name", field="operationName")
    raise Invalid("name the operation to run" if chosen else "the document has no operation", field="operationName")


def anonymous(context: Context) -> Context:
    """The surroundings of a shared execution: its permissions, but nobody's name."""
    actor = dataclasses.replace(
        context.actor, id=None, name="subscribers", credential=None, expires_at=None, address=None, email=None
    )
    return Context(app=context.app, actor=actor)
