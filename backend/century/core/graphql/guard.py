"""What a document may cost, decided on its syntax tree before validation: validating a hostile one can hold a second."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    parse,
)

from century.core.errors import CenturyError, Invalid

MAX_BODY = 128 * 1024
# Of the body, the document alone: escapes in one long literal cost more than its tokens tell.
MAX_DOCUMENT = 32 * 1024
MAX_TOKENS = 2_000
MAX_DEPTH = 10
# The standard introspection query is a fixed document of this kind of depth; validation refuses its circular relatives.
MAX_INTROSPECTION_DEPTH = 16
MAX_FIELDS = 300
MAX_ROOT_FIELDS = 10
MAX_ALIASES = 30
MAX_SAME_KEY = 3
MAX_DIRECTIVES = 5
MAX_FRAGMENTS = 20
MAX_OPERATIONS = 5
MAX_OBJECT_FIELDS = 50
MAX_VARIABLES = 50
NO_NUL = "a text may not hold U+0000"
INTROSPECTION = frozenset({"__schema", "__type"})


class TooComplex(CenturyError):
    """A document that asks for more than one operation may."""

    code = "TOO_COMPLEX"
    status = 400


def parse_bounded(query: str) -> DocumentNode:
    """The document of a query; GraphQLError where it is not one, TooComplex where it is too long to look at."""
    if len(query) > MAX_DOCUMENT:
        raise TooComplex(f"a document may have {MAX_DOCUMENT} characters at most: send long values as variables")
    try:
        return parse(query, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
    except GraphQLError as error:
        if "tokens" in error.message:
            raise TooComplex(f"a document may have {MAX_TOKENS} tokens at most") from None
        raise


def check(document: DocumentNode) -> None:
    """TooComplex unless every operation of the document keeps every limit, counted through its fragments."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    _at_most(len(operations), MAX_OPERATIONS, "operations")
    _at_most(len(fragments), MAX_FRAGMENTS, "fragments")
    counter = _Counter({each.name.value: each for each in fragments})
    for fragment in fragments:
        counter.of_fragment(fragment.name.value)
        counter.directives += len(fragment.directives or ())
    for operation in operations:
        _at_most(len(operation.variable_definitions or ()), MAX_VARIABLES, "variables")
        _check_literals([each.default_value for each in operation.variable_definitions or () if each.default_value])
        counter.directives += len(operation.directives or ())
        size = counter.of(operation.selection_set)
        _at_most(size.depth, MAX_DEPTH, "levels of fields")
        _at_most(size.introspection, MAX_INTROSPECTION_DEPTH, "levels of introspection")
        _at_most(size.fields, MAX_FIELDS, "fields")
        _at_most(size.aliases, MAX_ALIASES, "aliases")
        _at_most(counter.directives, MAX_DIRECTIVES, "directives")
        _at_most(size.roots, MAX_ROOT_FIELDS, "root fields")
        counter.check_keys([operation.selection_set])
    for fragment in fragments:
        counter.check_keys([fragment.selection_set])


def check_variables(variables: Mapping[str, Any]) -> None:
    """Invalid where a text holds U+0000, which PostgreSQL cannot keep."""
    values: list[Any] = [variables]
    while values:
        match values.pop():
            case str(text) if "\0" in text:
                raise Invalid(NO_NUL, field="variables")
            case dict(entries):
                values.extend(entries.values())
            case list(entries):
                values.extend(entries)


def _at_most(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise TooComplex(f"a document may have {limit} {what} at most")


def _check_values(node: FieldNode) -> None:
    _at_most(len(node.arguments or ()), MAX_OBJECT_FIELDS, "arguments of one field")
    _check_literals([each.value for each in node.arguments or ()])


def _check_literals(values: list[ValueNode]) -> None:
    while values:
        match values.pop():
            case StringValueNode(value=text) if "\0" in text:
                raise Invalid(NO_NUL)
            case ObjectValueNode(fields=fields):
                # Validation prints a whole object for each field of it that it does not know.
                _at_most(len(fields), MAX_OBJECT_FIELDS, "fields in one object")
                values.extend(each.value for each in fields)
            case ListValueNode(values=inner):
                values.extend(inner)


@dataclass(slots=True)
class _Size:
    fields: int = 0
    aliases: int = 0
    depth: int = 0
    introspection: int = 0
    roots: int = 0


@dataclass(slots=True)
class _Counter:
    fragments: dict[str, FragmentDefinitionNode]
    directives: int = 0
    known: dict[str, _Size | None] = field(default_factory=dict)

    def of_fragment(self, name: str) -> _Size:
        """The size of a fragment, counted once; a fragment met within itself is a cycle."""
        if name in self.known:
            size = self.known[name]
            if size is None:
                raise TooComplex(f"fragment {name[:40]} contains itself")
            return size
        fragment = self.fragments.get(name)
        if fragment is None:  # validation says it better
            return _Size()
        self.known[name] = None
        size = self.known[name] = self.of(fragment.selection_set)
        return size

    def of(self, selections: SelectionSetNode, level: int = 1) -> _Size:
        if level > MAX_INTROSPECTION_DEPTH + MAX_DEPTH:
            raise TooComplex(f"a document may have {MAX_DEPTH} levels of fields at most")
        total = _Size()
        for node in selections.selections:
            self.directives += len(node.directives or ())
            if isinstance(node, FragmentSpreadNode):
                size = self.of_fragment(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                size = self.of(node.selection_set, level + 1)
            else:
                assert isinstance(node, FieldNode)
                size = self._of_field(node, level)
            total.fields += size.fields
            total.aliases += size.aliases
            total.roots += size.roots
            total.depth = max(total.depth, size.depth)
            total.introspection = max(total.introspection, size.introspection)
            if total.fields > MAX_FIELDS:
                raise TooComplex(f"a document may have {MAX_FIELDS} fields at most")
        return total

    def _of_field(self, node: FieldNode, level: int) -> _Size:
        inner = self.of(node.selection_set, level + 1) if node.selection_set else _Size()
        _check_values(node)
        size = _Size(
            fields=inner.fields + 1,
            aliases=inner.aliases + (node.alias is not None),
            depth=inner.depth + 1,
            introspection=inner.introspection,
            roots=1,
        )
        if node.name.value in INTROSPECTION:
            size.introspection, size.depth = size.depth, 1
        return size

    def check_keys(self, sets: list[SelectionSetNode]) -> None:
        """One response key may be selected a few times in one place: merging is quadratic in it."""
        by_key: dict[str, list[SelectionSetNode]] = {}
        seen: dict[str, int] = {}
        spread: set[str] = set()
        for selections in sets:
            for node in self._flat(selections, spread):
                key = node.alias.value if node.alias else node.name.value
                seen[key] = seen.get(key, 0) + 1
                if seen[key] > MAX_SAME_KEY:
                    raise TooComplex(f"{key[:40]} may be selected {MAX_SAME_KEY} times at most in one place")
                if node.selection_set:
                    by_key.setdefault(key, []).append(node.selection_set)
        for merged in by_key.values():
            self.check_keys(merged)

    def _flat(self, selections: SelectionSetNode, spread: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._flat(node.selection_set, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                if fragment := self.fragments.get(node.name.value):
                    yield from self._flat(fragment.selection_set, spread)
