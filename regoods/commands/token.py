"""`run.py token --user N`: an access token for trying out, in development."""

import argparse
import sys

from regoods.commands.arguments import user_id
from regoods.commands.command import CANNOT, DONE, Command, begin
from regoods.core.clock import Clock
from regoods.core.settings import Settings
from regoods.core.tokens import mint


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=user_id, required=True, metavar="N", help="the user id it speaks for")


def run(options: argparse.Namespace) -> int:
    settings = begin(tokens=True)
    refusal = why_none(settings)
    if refusal:
        print(refusal, file=sys.stderr)
        return CANNOT
    print(demo_token(settings, options.user))
    return DONE


def why_none(settings: Settings) -> str:
    """Why no token is minted by these settings; nothing where one is."""
    if not settings.development:
        return "Tokens are minted in development only; in production ReGoods issues them."
    if not settings.mints_tokens:
        return "Without JWT_ACCESS_SECRET there is nothing to sign a token with: ReGoods issues them."
    return ""


def demo_token(settings: Settings, user_id: int) -> str:
    return mint(settings.jwt_access_secret, user_id, f"user{user_id}@demo.regoods.example", Clock().now())


COMMAND = Command("token", "print an access token that lives 15 minutes, in development", run, arguments)
