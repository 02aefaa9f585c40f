"""Operations made up from a schema: most of them valid, some broken on purpose."""

from random import Random

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

TEXTS = (
    "",
    "web",
    "century",
    "cpu",
    "' OR 1=1 --",
    "\\u0000",
    "é🏃",
    "x" * 200,
    "%s",
    "2026-11-24T06:00:00Z",
    "PT1H",
    "P1D",
)
BROKEN = ("{", "}", "(", "@", "$x", "...", "!", "on", "null", "fragment", "\u0000")


class Generated:
    """A source of operations, the same for the same seed."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self.schema = schema
        self.random = Random(seed)

    def operation(self) -> str:
        roots = [each for each in (self.schema.query_type, self.schema.query_type, self.schema.mutation_type) if each]
        root = self.random.choice(roots)
        word = "mutation" if root is self.schema.mutation_type else "query"
        text = f"{word} {self.selection(root, 1)}"
        if self.random.random() < 0.2:
            position = self.random.randrange(len(text))
            text = text[:position] + self.random.choice(BROKEN) + text[position:]
        return text

    def selection(self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        names = self.random.sample(sorted(kind.fields), min(len(kind.fields), self.random.randint(1, 3)))
        fields = [self.field(name, kind.fields[name], depth) for name in names]
        if self.random.random() < 0.1:
            fields.append(self.random.choice(("__typename", "nothing", "... on Query { me { id } }", "a: __typename")))
        return "{ " + " ".join(fields) + " }"

    def field(self, name: str, field: GraphQLField, depth: int) -> str:
        arguments = [
            f"{key}: {self.value(each.type)}"
            for key, each in field.args.items()
            if isinstance(each.type, GraphQLNonNull) and self.random.random() < 0.97 or self.random.random() < 0.3
        ]
        text = name + (f"({', '.join(arguments)})" if arguments else "")
        kind = get_named_type(field.type)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            text += self.selection(kind, depth + 1) if depth < 8 else " { __typename }"
        return text

    def value(self, kind: GraphQLInputType) -> str:
        if self.random.random() < 0.03:
            return self.random.choice(("null", "1", '"x"', "{}", "[]", "true", "NOTHING", "1e400", "-99999999999"))
        match kind:
            case GraphQLNonNull(of_type=inner):
                return self.value(inner)
            case GraphQLList(of_type=inner):
                return "[" + ", ".join(self.value(inner) for _ in range(self.random.randint(0, 3))) + "]"
            case GraphQLEnumType():
                return self.random.choice(sorted(kind.values))
            case GraphQLInputObjectType():
                chosen = {
                    name: each.type
                    for name, each in kind.fields.items()
                    if isinstance(each.type, GraphQLNonNull) or self.random.random() < 0.4
                }
                return "{" + ", ".join(f"{name}: {self.value(each)}" for name, each in chosen.items()) + "}"
        return self.scalar(get_named_type(kind).name)

    def scalar(self, name: str) -> str:
        match name:
            case "Int":
                return str(self.random.choice((0, 1, 50, 100, 101, -1, 2_147_483_647)))
            case "Float":
                return str(self.random.choice((0, 0.5, -1, 1e300)))
            case "Boolean":
                return self.random.choice(("true", "false"))
            case "Duration":
                return self.random.choice(('"PT1H"', '"PT15M"', '"P7D"', '"P400D"', '"PT0S"', '"1h"'))
            case "DateTime":
                return self.random.choice(
                    ('"2026-11-24T06:00:00Z"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"now"')
                )
        return '"' + self.random.choice(TEXTS) + '"'
