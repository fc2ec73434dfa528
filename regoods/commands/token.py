"""`run.py token --user N`: an access token for trying out, in development."""

import argparse

from regoods.commands.arguments import user_id
from regoods.commands.command import DONE, Command, begin
from regoods.core.clock import Clock
from regoods.core.settings import Settings, SettingsError
from regoods.core.tokens import mint


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=user_id, required=True, metavar="N", help="the user id it speaks for")


def run(options: argparse.Namespace) -> int:
    settings = begin(tokens=True)
    check_mints(settings)
    print(demo_token(settings, options.user))
    return DONE


def check_mints(settings: Settings) -> None:
    """Raises SettingsError where no token is minted by these settings."""
    if not settings.development:
        raise SettingsError("Tokens are minted in development only; in production ReGoods issues them.")
    if not settings.mints_tokens:
        raise SettingsError("Without JWT_ACCESS_SECRET there is nothing to sign a token with: ReGoods issues them.")


def demo_token(settings: Settings, user_id: int) -> str:
    return mint(settings.jwt_access_secret, user_id, f"user{user_id}@demo.regoods.example", Clock().now())


COMMAND = Command("token", "print an access token that lives 15 minutes, in development", run, arguments)
