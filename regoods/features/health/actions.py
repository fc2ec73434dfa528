from regoods.core.work import Work, reads_for_anyone
from regoods.features.users import queries as users


@reads_for_anyone
def look(work: Work, _user_id: int) -> None:
    """Read by one key, as nearly every call does: SQLite would answer `SELECT 1` without its file."""
    users.find(work.session, 1)
