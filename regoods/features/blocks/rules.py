"""What a block forbids. Pure functions."""

from regoods.core.errors import Forbidden, ValidationError


def check_not_oneself(user_id: int, other_id: int) -> None:
    if user_id == other_id:
        raise ValidationError("userId", "userId is yourself: name somebody else.")


def check_no_block(is_blocked: bool) -> None:
    """One text for both directions: nobody is told who blocks him."""
    if is_blocked:
        raise Forbidden("You and this user cannot write to each other.")
