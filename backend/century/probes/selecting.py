"""A query of a person's that may only read: what can be told of it before PostgreSQL is asked.

PostgreSQL has the last word: the query runs as a part of a SELECT of ours, in a transaction that is read only.
"""

from __future__ import annotations

import re

LONGEST = 4_000
BEGINNINGS = frozenset({"select", "with", "values", "table"})
WRITING = frozenset({"insert", "update", "delete", "merge"})  # FOR UPDATE among them: it takes locks
# Strings, quoted names and comments may hold anything; what is left are words and signs. Comments nest, so they are
# taken out apart.
TOKEN = re.compile(
    r"""(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<line>--[^\n]*)|(?P<open>/\*)|(?P<word>[A-Za-z_]\w*)|(?P<end>;)|(?P<wrong>['"])|(?P<sign>\S)""",
    re.DOTALL,
)


def query_problem(query: str) -> str | None:
    """Why a query cannot be asked, as a sentence; None where nothing tells."""
    if len(query) > LONGEST:
        return f"the query may have {LONGEST} characters at most, it has {len(query)}"
    words: list[str] = []
    ended = False
    place = 0
    while match := TOKEN.search(query, place):
        place = match.end()
        match match.lastgroup:
            case "line":
                continue
            case "open":
                place = _after_comment(query, place)
                if place < 0:
                    return "the comment that begins with /* has no end"
                continue
            case "wrong":
                return f"the {match['wrong']} at character {match.start() + 1} has no end"
            case "end":
                ended = True
                continue
        if ended:
            return "give one statement: something follows the semicolon"
        words.append((match["word"] or " ").lower())
    if not words:
        return "the query is empty: give one SELECT that answers a number" if query.strip() else None
    first = next((each for each in words if each != " "), "")
    if first not in BEGINNINGS:
        return f"the query must be one SELECT that answers a number: it begins with {first.upper() or 'no word'}"
    if writing := next((each for each in words if each in WRITING), None):
        return f"the query may only read: it says {writing.upper()} (if that is a name, put it in double quotes)"
    if first == "select" and "into" in words:
        return "the query may only read: SELECT INTO makes a table"
    return None


def one_number(query: str) -> str:
    """The statement that answers the first row of a query as JSON, whatever the types of its columns."""
    # The line's end ends a comment that the query may end with.
    return (
        f"SELECT pg_catalog.row_to_json(century)::text FROM ({query.strip().rstrip(';').rstrip()}\n) AS century LIMIT 1"
    )


def _after_comment(query: str, place: int) -> int:
    depth = 1
    while depth:
        opened, closed = query.find("/*", place), query.find("*/", place)
        if closed < 0:
            return -1
        if 0 <= opened < closed:
            depth, place = depth + 1, opened + 2
        else:
            depth, place = depth - 1, closed + 2
    return place
