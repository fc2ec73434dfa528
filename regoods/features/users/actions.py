"""What every other feature asks of users."""

from collections.abc import Sequence

from regoods.core.database import Row
from regoods.core.errors import InvalidToken, NotFound
from regoods.core.work import Work, reads_for_anyone
from regoods.features.users import queries


def require_caller(work: Work, user_id: int) -> None:
    """Raise InvalidToken where a good token's user is missing or inactive (contract, section 1)."""
    if not queries.is_active(work.session, user_id):
        raise InvalidToken("The account of this token does not exist or is not active.")


def get_user(work: Work, user_id: int) -> Row:
    """Raises NotFound."""
    user = queries.find(work.session, user_id)
    if user is None:
        raise no_such_user(user_id)
    return user


def no_such_user(user_id: int) -> NotFound:
    return NotFound(f"There is no user {user_id}.")


@reads_for_anyone
def gone_of(work: Work, _user_id: int, user_ids: Sequence[int]) -> set[int]:
    """Those of them who do not exist, or are not active."""
    return set(user_ids) - queries.active_of(work.session, user_ids)
