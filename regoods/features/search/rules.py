"""What may be searched for, what counts as the same text, and how both are put to the databases. Pure functions."""

import re
from collections.abc import Iterable, Mapping

from regoods.core.errors import ValidationError
from regoods.features.messages.rules import WHITE_SPACE, browser_length

LONGEST_QUERY = 500
GRAM = 3
"""Characters of an index entry; a shorter query is looked for in the caller's newest messages."""

MOST_GRAMS = 16
"""Of a query, among which the rarest are looked for."""

RAREST = 4
AS_RARE = 4
"""Asked of the index: at most so many, none of them more than so many times as common as the rarest. Any other would
cost more to read than the texts that it still rules out."""

_SPACE = re.compile("(?<=(.)) (?=(.))", re.DOTALL)
_FIRST_SPACE, _SPACES = 0xE800, 4_096
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


def indexed(folded: str) -> str:
    """The form that FTS5 has of a folded text: each space tells what it stands between.

    So the trigram of a word's end and a space knows how the next word begins, which few messages have: of "red bike"
    "ed b" and "d bi".
    """
    # FTS5 reads up to a NUL, which another program may have stored.
    return _SPACE.sub(_between, folded.replace("\0", " "))


def _between(space: re.Match[str]) -> str:
    return chr(_FIRST_SPACE + (31 * ord(space[1]) + ord(space[2])) % _SPACES)


def joined(folded: str) -> str:
    """The form that PostgreSQL's index has of it: its trigrams go over the space between two words."""
    return folded.replace(" ", "")


def grams(needle: str) -> list[str]:
    """Its trigrams; of a long one so many of them from all over it."""
    starts = range(len(needle) - GRAM + 1)
    apart = -(-len(starts) // MOST_GRAMS)
    return list(dict.fromkeys(needle[start : start + GRAM] for start in starts[::apart]))


def rarest(places: Mapping[str, float]) -> list[str]:
    """Those trigrams that are worth reading, the rarest first.

    Takes how many messages it is to the same hit of each: the more the rarer.
    """
    order = sorted(places, key=lambda gram: -places[gram])[:RAREST]
    return [*order[:2], *(gram for gram in order[2:] if is_worth_reading(places[gram], places[order[0]]))]


def is_worth_reading(place: float, rarest: float) -> bool:
    return place * AS_RARE >= rarest


def match(trigrams: Iterable[str]) -> str:
    """FTS5's query for messages that have all these trigrams."""
    return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in trigrams)


def pattern(query: str) -> str:
    """For LIKE … ESCAPE '!'; `[` is a wildcard on SQL Server alone."""
    escaped = "".join(f"!{character}" if character in "!%_[" else character for character in query)
    return f"%{escaped}%"


def loose_pattern(query: str) -> str:
    """As `pattern`, of ASCII alone: whatever may stand for the rest."""
    return "".join(character if character.isascii() else "%" for character in pattern(query))
