"""`run.py token --user N`: an access token for trying out, in development."""

import argparse
import sys
from contextlib import closing

from regoods.commands.arguments import user_id
from regoods.commands.command import DONE, Command, begin
from regoods.core.clock import Clock
from regoods.core.database import Database, Row, file_to_make, open_database
from regoods.core.settings import Settings, SettingsError
from regoods.core.tokens import mint
from regoods.features.users.queries import find


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=user_id, required=True, metavar="N", help="the user id it speaks for")


def run(options: argparse.Namespace) -> int:
    settings = begin(tokens=True)
    check_mints(settings)
    print(demo_token(settings, options.user), flush=True)
    doubt = why_useless(settings, options.user)
    if doubt:
        print(doubt, file=sys.stderr)
    return DONE


def check_mints(settings: Settings) -> None:
    """Raises SettingsError where no token is minted by these settings."""
    if not settings.development:
        raise SettingsError("Tokens are minted in development only; in production ReGoods issues them.")
    if not settings.mints_tokens:
        raise SettingsError("Without JWT_ACCESS_SECRET there is nothing to sign a token with: ReGoods issues them.")


def why_useless(settings: Settings, user_id: int) -> str:
    """Why servers on this database refuse a token of this user; nothing where they take it, or where a start has yet to
    make the database."""
    try:
        if file_to_make(settings) is not None:
            return ""
        with closing(open_database(settings, looks_only=True)) as database:
            user = _find(database, user_id)
    except SettingsError as error:
        return f"Whether there is a user {user_id} cannot be said: {error}"
    if user is not None and user.is_active:
        return ""
    what = f"There is no user {user_id}" if user is None else f"User {user_id} is deactivated"
    return f"{what} in {database.shown}: servers on it answer 401 INVALID_TOKEN to this token."


def _find(database: Database, user_id: int) -> Row | None:
    """Raises SettingsError where the database does not say."""
    try:
        session = database.session(writes=False)
        try:
            return find(session, user_id)
        finally:
            session.close()
    except Exception as error:
        raise database.unusable(error) from None


def demo_token(settings: Settings, user_id: int) -> str:
    return mint(settings.jwt_access_secret, user_id, f"user{user_id}@demo.regoods.example", Clock().now())


COMMAND = Command(
    "token",
    "print an access token that lives 15 minutes, in development",
    run,
    arguments,
    description="Print an access token that lives 15 minutes, in development. Where the database has no such active "
    "user, a line on stderr says so: the token is printed all the same, for who is to come. No server need run.",
)
