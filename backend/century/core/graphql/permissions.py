"""Which permissions an operation needs, read from the schema's `@requires` before anything runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from strawberry.types.field import StrawberryField

from century.core.actor import Permission
from century.core.errors import Forbidden
from century.core.graphql.fields import permission_of

STRAWBERRY = "strawberry-definition"


@dataclass(frozen=True, slots=True)
class Need:
    """A selected field, by its path in the answer, and a permission it requires."""

    path: str
    permission: Permission


class Refused(Forbidden):
    """An operation that selects fields its actor may not; nothing of it ran."""

    def __init__(self, paths: list[str], permissions: list[Permission]) -> None:
        super().__init__(f"not permitted: {', '.join(paths)}")
        self.paths = paths
        self.permissions = permissions


def refuse_missing(needs: Iterable[Need], held: frozenset[Permission]) -> None:
    """Refused, naming every path and every permission, unless all that is needed is held."""
    missing = [need for need in needs if need.permission not in held]
    if missing:
        paths = list(dict.fromkeys(need.path for need in missing))
        raise Refused(paths, sorted({need.permission for need in missing}, key=list(Permission).index))


class Permissions:
    """What each field of a schema requires; through an interface, whatever any implementor requires."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._required: dict[tuple[str, str], frozenset[Permission]] = {}
        composites = [t for t in schema.type_map.values() if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
        for kind in composites:
            for name, made in kind.fields.items():
                definition = made.extensions.get(STRAWBERRY)
                own = permission_of(definition) if isinstance(definition, StrawberryField) else None
                self._required[kind.name, name] = frozenset({own} if own else ())
        for kind in composites:
            relatives: Iterable[GraphQLNamedType] = kind.interfaces
            if isinstance(kind, GraphQLInterfaceType):
                relatives = (*relatives, *schema.get_possible_types(kind))
            for name in kind.fields:
                for relative in relatives:
                    self._required[kind.name, name] |= self._required.get((relative.name, name), frozenset())
        for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
            for name in root.fields if root else ():
                if not self._required[root.name, name]:  # type: ignore[union-attr]
                    raise ValueError(f"root field {name} names no permission")

    def of(self, kind: str, name: str) -> frozenset[Permission]:
        """What this field requires of its own, beside being signed in."""
        return self._required.get((kind, name), frozenset())

    def needs(
        self, operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
    ) -> tuple[Need, ...]:
        """Everything a validated operation needs, whatever its @skip and @include will say."""
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            return ()
        found = self._walk(operation.selection_set, root, "", fragments)
        return tuple(dict.fromkeys(found))

    def _walk(
        self,
        selections: SelectionSetNode,
        kind: GraphQLNamedType,
        path: str,
        fragments: dict[str, FragmentDefinitionNode],
    ) -> Iterator[Need]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield from self._of_field(node, kind, path, fragments)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else None
                inner = self._schema.type_map[condition] if condition else kind
                yield from self._walk(node.selection_set, inner, path, fragments)
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments[node.name.value]
                inner = self._schema.type_map[fragment.type_condition.name.value]
                yield from self._walk(fragment.selection_set, inner, path, fragments)

    def _of_field(
        self, node: FieldNode, kind: GraphQLNamedType, path: str, fragments: dict[str, FragmentDefinitionNode]
    ) -> Iterator[Need]:
        name = node.name.value
        if name.startswith("__") or isinstance(kind, GraphQLUnionType):
            return
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        here = f"{path}.{name}" if path else name
        for permission in sorted(self.of(kind.name, name)):
            yield Need(here, permission)
        if node.selection_set:
            yield from self._walk(node.selection_set, get_named_type(kind.fields[name].type), here, fragments)
