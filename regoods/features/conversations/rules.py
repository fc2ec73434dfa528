"""What a 1:1 conversation is: a pair of users and a number computed from them (contract, section 3)."""

from math import isqrt

from regoods.core.errors import ValidationError
from regoods.core.tokens import LARGEST_ID

FIRST_CONVERSATION_ID = 2**32
LARGEST_CONVERSATION_ID = 2**53 - 1


def conversation_id(user_id: int, other_id: int) -> int:
    """The same from both sides; never a user id."""
    low, high = sorted((user_id, other_id))
    return FIRST_CONVERSATION_ID + high * high + low


def pair_of(number: int) -> tuple[int, int]:
    """The two users (lower first) of a conversation id. Raises ValidationError where it inverts to no pair."""
    square = number - FIRST_CONVERSATION_ID
    if square > 0 and number <= LARGEST_CONVERSATION_ID:
        high = isqrt(square)
        low = square - high * high
        if 1 <= low < high <= LARGEST_ID:
            return low, high
    raise ValidationError("conversationId", "conversationId names no conversation.")


def partner_in(number: int, user_id: int) -> int:
    """The partner that `user_id` means by a conversation id, or by the partner's user id in its place.

    Raises ValidationError where it is neither, or a conversation of two others.
    """
    if 1 <= number <= LARGEST_ID:
        return number
    pair = pair_of(number)
    if user_id not in pair:
        raise ValidationError("conversationId", "conversationId is of a conversation you are not in.")
    return pair[1] if pair[0] == user_id else pair[0]


def audience(user_id: int, other_id: int) -> tuple[int, ...]:
    """Who hears of what happens between these two: both, on every device."""
    # To oneself: an old row, of which he hears once.
    return (user_id,) if user_id == other_id else (user_id, other_id)
