"""Pure rules: what a conversation id is, how browsers count, and what search asks its indexes for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regoods.core.errors import ValidationError
from regoods.features.conversations.rules import conversation_id, pair_of, partner_in
from regoods.features.messages.rules import browser_length
from regoods.features.search import rules as search

LARGEST_ID = 2**31 - 1
NOT_A_PAIR = (0, -1, 2**31, 2**32, 2**32 + 4, 2**32 + 5 * 5 + 5, 2**32 + 3 * 3 + 3, 2**53, 2**63)


@pytest.mark.parametrize(
    ("low", "high", "number"),
    [
        (1, 2, 2**32 + 5),
        (1, 3, 2**32 + 10),
        (2, 3, 2**32 + 11),
        (19_999, 20_000, 2**32 + 400_019_999),
        (1, 94_000_000, 2**32 + 94_000_000**2 + 1),
        (93_999_999, 94_000_000, 2**32 + 94_000_000**2 + 93_999_999),
    ],
)
def test_a_conversation_id_is_the_same_from_both_sides_and_inverts(low: int, high: int, number: int) -> None:
    assert conversation_id(low, high) == conversation_id(high, low) == number
    assert number < 2**53
    assert pair_of(number) == (low, high)
    assert partner_in(number, low) == high
    assert partner_in(number, high) == low


@given(st.integers(1, LARGEST_ID), st.integers(1, LARGEST_ID))
def test_any_conversation_id_inverts_or_is_refused(one: int, other: int) -> None:
    """Refused are those that a browser would round: of users above 94,906,000."""
    number = conversation_id(one, other)
    assert number == conversation_id(other, one)
    if one == other or number > 2**53 - 1:
        with pytest.raises(ValidationError):
            pair_of(number)
    else:
        assert pair_of(number) == (min(one, other), max(one, other))
        assert (partner_in(number, one), partner_in(number, other)) == (other, one)


@given(st.integers(2**32 + 1, 2**53 - 1))
def test_any_number_that_inverts_is_the_id_of_its_pair(number: int) -> None:
    with contextlib.suppress(ValidationError):
        assert conversation_id(*pair_of(number)) == number


@given(st.integers(1, 94_906_000), st.integers(1, 94_906_000))
def test_any_two_of_today_s_users_have_an_id(one: int, other: int) -> None:
    if one != other:
        assert pair_of(conversation_id(one, other)) == (min(one, other), max(one, other))


def test_no_two_pairs_share_an_id_and_none_is_a_user_id() -> None:
    ids = {conversation_id(low, high) for high in range(2, 60) for low in range(1, high)}

    assert len(ids) == sum(range(1, 59))
    assert min(ids) > LARGEST_ID
    assert {conversation_id(*pair_of(number)) for number in ids} == ids


@pytest.mark.parametrize("number", NOT_A_PAIR)
def test_an_id_that_inverts_to_no_pair_is_refused(number: int) -> None:
    with pytest.raises(ValidationError) as refused:
        pair_of(number)

    assert refused.value.field == "conversationId"


@pytest.mark.parametrize("number", [1, 2, LARGEST_ID])
def test_a_small_number_is_the_partners_user_id(number: int) -> None:
    assert partner_in(number, 5) == number


def test_a_conversation_of_two_others_is_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        partner_in(conversation_id(1, 2), 3)

    assert refused.value.field == "conversationId"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 2),
        ("田中", 2),
        ("🚲", 2),
        ("👩‍👩‍👧", 8),
        ("a🚲b", 4),
        ("\U0010ffff", 2),
    ],
)
def test_length_is_counted_as_browsers_count(text: str, length: int) -> None:
    assert browser_length(text) == length


@given(st.text(alphabet="ab \0ßİς還", max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_each_part_of_a_text_is_in_what_search_indexes_of_it(text: str, start: int, end: int) -> None:
    part = search.fold(text[start:end]).replace("\0", " ").strip(" ")
    folded = search.fold(text)

    assert search.indexed(part) in search.indexed(folded)
    assert search.joined(part) in search.joined(folded.replace("\0", " "))
    assert len(search.indexed(folded)) == len(folded)


def test_the_rarest_trigrams_are_those_whose_hits_are_far_apart() -> None:
    assert search.rarest({"bic": 600, "ycl": 601, "le\ue800": 4_000, "\ue800bi": 2_000}) == ["le\ue800", "\ue800bi"]
    assert search.rarest({"bic": 600, "icy": 601, "cle": float("inf")}) == ["cle", "icy"]
    assert search.rarest({"aaa": 5.0, "aab": 5.0, "aba": 4.0, "abb": 3.0, "baa": 2.0}) == ["aaa", "aab", "aba", "abb"]
    assert search.grams("ab cd") == ["ab ", "b c", " cd"]
    assert len(search.grams("".join(map(chr, range(1_000, 1_500))))) == search.MOST_GRAMS
