"""Who may be logged in as on the chat page."""

from regoods.core.errors import NotFound
from regoods.core.work import Work, reads_for_anyone
from regoods.features.debug_chat import events
from regoods.features.users import queries

SHOWN_USERS = 50


@reads_for_anyone
def list_users(work: Work, _user_id: int) -> list[events.DemoUser]:
    return [
        events.DemoUser(user_id=row.user_id, full_name=row.full_name)
        for row in queries.first_users(work.session, SHOWN_USERS)
    ]


@reads_for_anyone
def get_email(work: Work, _user_id: int, of_user_id: int) -> str:
    """Raises NotFound for a user who is missing or inactive."""
    email = queries.email_of(work.session, of_user_id)
    if email is None:
        raise NotFound(f"There is no active user {of_user_id}.")
    return email
