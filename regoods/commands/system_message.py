"""`run.py system-message`: a notice by ReGoods in a conversation, the only way to write type `system`."""

import argparse
import sys

from regoods.commands.arguments import post_id, text, user_id
from regoods.commands.command import CANNOT, DONE, Command, begin
from regoods.commands.printing import harmless
from regoods.commands.units import Units, open_checked
from regoods.core.database import Row
from regoods.core.errors import ApiError
from regoods.features.messages.actions import send_system


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=user_id, required=True, metavar="USER", help="the user id of who gets it")
    parser.add_argument("--post", type=post_id, required=True, metavar="POST", help="the id of the post it is about")
    parser.add_argument("--text", type=text, required=True, help="1 to 5000 characters")
    parser.add_argument(
        "--from",
        dest="sender",
        type=user_id,
        metavar="USER",
        help="in whose conversation with him it appears; the post's owner, where nobody is named",
    )


def run(options: argparse.Namespace) -> int:
    database = open_checked(begin())
    try:
        notice = Units(database).run(send_system, options.to, options.sender, options.post, options.text)
    except ApiError as error:
        print(f"Nothing was sent. {error.message.replace('messageContent', '--text')}", file=sys.stderr)
        return CANNOT
    finally:
        database.close()
    print(
        f"Message {notice.message_id} is stored: to {_named(notice.recipient)}, from {_named(notice.sender)}, about "
        f"post {options.post}."
    )
    print("Servers that run push it within 2 s; where none runs, the next one to start does.")
    return DONE


def _named(user: Row) -> str:
    return f"user {user.user_id} ({harmless(user.full_name or '')})"


COMMAND = Command(
    "system-message",
    "write a notice by ReGoods into a conversation",
    run,
    arguments,
    description="Write a message of type `system` to a user, about a post. Only this command can. Servers push it.",
)
