"""Searching, and keeping the embedded database's index near the messages."""

from collections.abc import Callable

from regoods.core.database import Row, Session
from regoods.core.wire import Page
from regoods.core.work import Work, reads_for_anyone, reads_slowly, writes_for_anyone
from regoods.features.conversations.actions import find_partner
from regoods.features.messages import events
from regoods.features.messages.queries import find_several
from regoods.features.search import queries, rules

MOST = 1_000
"""Hits that are looked for; `total` stops there."""

NEWEST = 10_000
"""Messages of the caller that a query too short for an index looks through."""

FEW, FEW_ON_SERVERS = 2_000, 5_000
"""Messages of the caller that are sooner read than looked up in an index."""

PROBED, DENSE, FURTHER = 2_000, 40, 30
"""With so many hits among his newest 2,000, reading on for so many times their span of ids costs PostgreSQL less than
fetching every hit that its index has, for that has no order. The two ways meet at one message in fifty."""

LARGEST_STEP = 16_000

HIT = 200
"""By whose place in the index its trigrams are compared: 0.05 ms each."""

SLICE = 250
MERGED_PAGES = 32
"""A slice of indexing holds the writer for about 5 ms, half of it for putting parts of the index together."""

Source = Callable[[int, int], tuple[list[queries.Candidate], bool]]
"""So many candidates before an id, newest first, and whether there are more."""


@reads_slowly
def search(work: Work, user_id: int, query: str, partner_id: int | None, limit: int, offset: int) -> Page:
    """The caller's messages, with a partner or with anyone, that hold the query. Raises NotFound, ValidationError."""
    text = rules.check_query(query)
    if partner_id is not None:
        find_partner(work, user_id, partner_id)
    search = _Search(work, user_id, partner_id, text)
    found = search.found()
    page = found[offset : offset + limit]
    rows = {row.message_id: row for row in find_several(work.session, page)}
    # On a server somebody may have edited or deleted one since it was found.
    kept = [rows[message_id] for message_id in page if message_id in rows and not rows[message_id].is_deleted]
    return Page([events.message(row) for row in kept if search.holds(row.message_content)], len(found), limit, offset)


class _Search:
    """Ids of the newest hits: out of the caller's own messages or out of an index, whichever is less to read."""

    def __init__(self, work: Work, user_id: int, partner_id: int | None, text: str) -> None:
        self._session = work.session
        self._whose = (user_id, partner_id)
        # A dot of İ folds to nothing: every text would hold it alone, and before a space it would leave that.
        self._needle = rules.fold(text).strip() or text
        self._plain = work.text_encoding is not None
        self._pattern = rules.loose_pattern(text) if self._plain else rules.pattern(text)
        self._hits: set[int] = set()

    def found(self) -> list[int]:
        short = len(self._needle) < rules.GRAM
        embedded = queries.is_embedded(self._session)
        window = NEWEST if short else FEW if embedded else FEW_ON_SERVERS
        newest = queries.reach(self._session, *self._whose, window)
        if newest.messages < window:
            self._walk()
        elif short:
            self._walk(above=newest.lowest - 1)
        elif embedded:
            self._follow_index(newest.highest - newest.lowest < rules.AS_RARE * window)
        elif not self._plain and len(rules.joined(self._needle)) >= rules.GRAM and queries.has_trigrams(self._session):
            self._follow_trigrams(newest.highest, (newest.highest - newest.lowest) * PROBED // window)
        else:
            self._walk()
        return sorted(self._hits, reverse=True)[:MOST]

    def holds(self, text: str) -> bool:
        return self._needle in rules.fold(text)

    @property
    def _enough(self) -> bool:
        return len(self._hits) >= MOST

    def _follow_index(self, has_many: bool) -> None:
        """Read what is not in the index yet, then the index, then what was edited since it was indexed.

        `has_many`: a good part of the newest messages are his. Where of the oldest too, their texts leave out more than
        he does.
        """
        indexed_to = queries.indexed_to(self._session)
        self._walk(above=indexed_to)
        needle = rules.indexed(self._needle)
        places = {gram: self._place(gram) for gram in rules.grams(needle)}
        trigrams = rules.rarest(places)
        for party in [rules.party(user_id) for user_id in self._whose if user_id is not None]:
            if not has_many or rules.is_worth_reading(self._place(party), places[trigrams[0]]):
                trigrams.append(party)
        match = rules.match(trigrams)
        self._take(
            lambda before, most: queries.by_index(self._session, *self._whose, before, match, needle, most),
            before=indexed_to + 1,
        )
        self._look_at(queries.edited(self._session, *self._whose))

    def _place(self, trigram: str) -> float:
        return queries.place(self._session, rules.match([trigram]), HIT)

    def _follow_trigrams(self, highest: int, span: int) -> None:
        """Read the newest messages, which span so many ids: a common word is found there. A rare one is left to the
        index.
        """
        lowest = highest - span
        self._walk(above=lowest - 1)
        if len(self._hits) >= DENSE:
            further = max(1, lowest - FURTHER * span)
            self._walk(before=lowest, above=further - 1)
            lowest = further
        self._take(
            lambda before, most: queries.by_trigrams(self._session, *self._whose, before, self._pattern, most),
            before=lowest,
        )

    def _walk(self, *, before: int = queries.EVERYTHING, above: int = 0) -> None:
        """Read the caller's own messages between two ids."""
        self._take(
            lambda until, most: queries.own(
                self._session, *self._whose, until, above, self._pattern, most, plain=self._plain
            ),
            before=before,
        )

    def _take(self, source: Source, before: int) -> None:
        more, most, seen, hits = True, MOST, 0, len(self._hits)
        while more and not self._enough:
            candidates, more = source(before, most)
            self._look_at(candidates)
            seen += len(candidates)
            # As many as will do at this rate: an index must find its place anew each time.
            share = max(1, len(self._hits) - hits) / max(1, seen)
            most = min(LARGEST_STEP, 100 + int(1.2 * (MOST - len(self._hits)) / share))
            before = candidates[-1][0] if candidates else 0

    def _look_at(self, candidates: list[queries.Candidate]) -> None:
        self._hits.update(message_id for message_id, text in candidates if text is not None and self.holds(text))


def note_edit(work: Work, message_id: int) -> None:
    """In the edit's transaction: until the text is indexed anew, each query looks at it."""
    if queries.is_embedded(work.session):
        queries.note_edit(work.session, message_id)


@reads_for_anyone
def is_behind(work: Work, _user_id: int, reached: int | None = None) -> bool:
    """Whether the index lacks something, and nobody else is at it: no slice has followed ours, which reached so far."""
    if reached is not None and queries.indexed_to(work.session) > reached:
        return False
    return queries.is_behind(work.session)


@writes_for_anyone
def follow(work: Work, _user_id: int) -> int:
    """Index a slice of what is new or edited, and say how far the index reaches now. Another process may do the next:
    each takes what is not there yet."""
    session = work.session
    indexed_to = queries.indexed_to(session)
    for row in queries.edited_texts(session, SLICE):
        # A newer one would hide the others that are not indexed yet; its turn comes with them.
        if row.message_id is not None and row.message_id <= indexed_to:
            _put(session, row)
        queries.forget_edit(session, row.edit)
    for row in queries.unindexed(session, SLICE):
        _put(session, row)
    queries.merge(session, MERGED_PAGES)
    return queries.indexed_to(session)


def _put(session: Session, row: Row) -> None:
    queries.put(
        session,
        row.message_id,
        rules.party(row.sender_id),
        rules.party(row.recipient_id),
        rules.indexed(rules.fold(row.message_content)),
    )
