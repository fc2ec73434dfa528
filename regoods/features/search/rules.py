"""What may be searched for, what counts as the same text, and how both are put to the databases. Pure functions."""

from collections.abc import Sequence

from regoods.core.errors import ValidationError
from regoods.features.messages.rules import WHITE_SPACE, browser_length

LONGEST_QUERY = 500
GRAM = 3
"""Characters of an index entry; a shorter query is looked for in the caller's newest messages."""

MOST_GRAMS = 16
"""Asked of the index for one query: more would cost more than what they still rule out."""

_FIRST = 0xE000
_BASE = 1_300
"""1,300 ** 3 > 2**31: three characters of Unicode's private use area name any user."""


def check_query(text: str) -> str:
    """The query without the white space around it. Raises ValidationError."""
    trimmed = text.strip(WHITE_SPACE)
    if not trimmed:
        raise ValidationError("query", "query must not be blank: write what to look for, as ?query=…")
    if browser_length(text) > LONGEST_QUERY:
        raise ValidationError("query", f"query may hold at most {LONGEST_QUERY} characters.")
    if "\0" in text:
        raise ValidationError("query", "query must not hold NUL characters.")
    return trimmed


def fold(text: str) -> str:
    """The form in which texts that differ in case alone are equal.

    Unicode's own folding, and beyond it the four forms of i as one: which two belong together depends on the language.
    """
    if text.isascii():
        return text.lower()
    return text.casefold().replace("ı", "i").replace("\u0307", "")


def party(user_id: int) -> str:
    """A user as one trigram, which no text in use holds."""
    high, low = divmod(user_id, _BASE)
    return "".join(chr(_FIRST + digit) for digit in (high // _BASE, high % _BASE, low))


def grams(needle: str) -> list[str]:
    """Trigrams enough to rule out nearly all that does not hold the needle: each one more is one more list to read.

    Those around a space or sign come first, for they alone tell "a b" from "b a"; of the rest every second.
    """
    last = len(needle) - GRAM
    between = (start for start in range(last + 1) if not needle[start + 1].isalnum())
    starts = (*between, *range(0, last, 2), last)
    return list(dict.fromkeys(needle[start : start + GRAM] for start in starts))[:MOST_GRAMS]


def match(needle: str, user_ids: Sequence[int]) -> str:
    """FTS5's query for messages of all these users that have the needle's trigrams: it may be in them."""
    words = [*(party(user_id) for user_id in user_ids), *grams(needle)]
    return " AND ".join('"' + word.replace('"', '""') + '"' for word in words)


def pattern(query: str) -> str:
    """For LIKE … ESCAPE '!'; `[` is a wildcard on SQL Server alone."""
    escaped = "".join(f"!{character}" if character in "!%_[" else character for character in query)
    return f"%{escaped}%"


def loose_pattern(query: str) -> str:
    """As `pattern`, of ASCII alone: whatever may stand for the rest."""
    return "".join(character if character.isascii() else "%" for character in pattern(query))
