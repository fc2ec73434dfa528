"""`run.py erase --user N`: a person's right to be forgotten."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from typing import ParamSpec, TypeVar

from regoods.commands.arguments import user_id
from regoods.commands.command import CANNOT, DONE, INTERRUPTED, NOT_SO, Command, begin
from regoods.commands.printing import harmless
from regoods.commands.units import Units, open_checked
from regoods.core import remains
from regoods.core.database import Database
from regoods.core.settings import Settings, SettingsError
from regoods.core.work import Action
from regoods.features import sync
from regoods.features.attachments import store
from regoods.features.attachments.rules import name_of
from regoods.features.erasure import actions

P = ParamSpec("P")
T = TypeVar("T")

PASSES = 5
"""While somebody still writes, each pass finds something."""

AGAIN = "What was erased stays so; the same command erases the rest."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=user_id, required=True, metavar="N", help="the user id")
    parser.add_argument("--dry-run", action="store_true", help="say what there is, and erase nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--no-vacuum",
        action="store_true",
        help="on SQLite, do not rewrite the file, during which servers' writers wait; its free space may then hold "
        "older copies of his texts",
    )


def run(options: argparse.Namespace) -> int:
    settings = begin()
    database = open_checked(settings, patient=True)
    remains.overwrite_removed(database)
    erasure = Erasure(settings, database, options.user)
    try:
        print(erasure.report())
        if options.dry_run:
            return DONE
        if not options.yes and not confirmed():
            return CANNOT
        try:
            return erasure.do(rewrite=not options.no_vacuum)
        except SettingsError as error:
            print(f"{error} {AGAIN}", file=sys.stderr)
            return NOT_SO
    except KeyboardInterrupt:
        print(f"Interrupted. {AGAIN}", file=sys.stderr)
        return INTERRUPTED
    finally:
        database.close()


def confirmed() -> bool:
    if not sys.stdin.isatty():
        print("Nothing was erased: there is no terminal to ask at. Give --yes, or --dry-run.", file=sys.stderr)
        return False
    try:
        answer = input("What is erased can only come back from a backup. Type yes to erase it: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        print("Nothing was erased.", file=sys.stderr)
        return False
    return True


class Erasure:
    """Of one user."""

    def __init__(self, settings: Settings, database: Database, user: int) -> None:
        self._settings = settings
        self._database = database
        self._units = Units(database, sync.FEATURE.log)
        self._user = user
        self._row = self._units.run(actions.find_user, user)

    def report(self) -> str:
        """Who it is, and how much there is of him."""
        found = self._units.run(actions.count, self._user)
        counts = {
            "messages that he wrote": found.messages,
            "events in partners' logs that quote or name him": sum(len(several) for _, several in self._events()),
            "events in his own log": found.log,
            "uploaded pictures": found.uploads,
            **found.own,
        }
        if found.indexed is not None:
            counts["texts in the search index"] = found.indexed
        who = "has no row in Users" if self._row is None else harmless(self._row.full_name or "")
        lines = [f"User {self._user} ({who}) on {self._database.shown}:"]
        lines += [f"{number:>10,} {what}" for what, number in counts.items()]
        if self._is_active:
            lines.append("He is active: what he writes from now on is not erased. ReGoods should deactivate him first.")
        return "\n".join(lines)

    def do(self, *, rewrite: bool) -> int:
        """Erase; 1 where something is left."""
        for _ in range(PASSES):
            if not self._blank_messages() + self._rewrite_events():
                break
        while self._step(actions.unindex):
            pass
        more = self._step(actions.merge_index, first=True)
        while more:
            more = self._step(actions.merge_index, first=False)
        while self._step(actions.delete_log):
            pass
        self._step(actions.delete_own, is_active=self._is_active)
        left = asyncio.run(self._remove_pictures())
        if left:
            print(f"{left} pictures could not be removed: see the lines above. {AGAIN}", file=sys.stderr)
        whole = self._clear_file(rewrite=rewrite) and not left
        print("Erased." if whole else "All else is erased.")
        print(f"Left to ReGoods: the row of user {self._user} in Users (name, email, phone, picture), and his Posts.")
        print("Backups still hold what was erased.")
        return DONE if whole else NOT_SO

    @property
    def _is_active(self) -> bool:
        return self._row is not None and bool(self._row.is_active)

    def _step(self, action: Action[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a part of it, and leave the database to others for as long."""
        begun = time.monotonic()
        result = self._units.run(action, self._user, *args, **kwargs)
        time.sleep(time.monotonic() - begun)
        return result

    def _blank_messages(self) -> int:
        erased, after, done = 0, 0, 1
        while done:
            done, after = self._step(actions.blank_messages, after)
            erased += done
        return erased

    def _events(self) -> Iterator[tuple[int, Sequence[tuple[int, str]]]]:
        """What must be changed in partners' logs, some of it at a time."""
        for partner_id in self._partners():
            after: int | None = 0
            while after is not None:
                several, after = self._units.run(actions.find_events, self._user, partner_id, after)
                yield partner_id, several

    def _partners(self) -> list[int]:
        """Whose logs may tell of him."""
        found = self._units.run(actions.list_partners, self._user)
        after: int | None = 0
        while after is not None:
            several, after = self._units.run(actions.list_logged_partners, self._user, after)
            found |= several
        return sorted(found)

    def _rewrite_events(self) -> int:
        rewritten = 0
        for partner_id, several in self._events():
            if several:
                self._step(actions.rewrite_events, partner_id, several)
            rewritten += len(several)
        return rewritten

    async def _remove_pictures(self) -> int:
        """How many could not be removed."""
        left = after = 0
        while uploads := self._units.run(actions.list_uploads, self._user, after):
            for upload in uploads:
                after = upload.upload_id
                is_used = upload.used_by is not None
                if is_used or upload.url is None or await self._remove(upload.url):
                    self._step(actions.settle_upload, upload, is_used=is_used)
                else:
                    left += 1
        return left

    async def _remove(self, url: str) -> bool:
        return await store.remove(self._settings.attachments_url, name_of(url))

    def _clear_file(self, *, rewrite: bool) -> bool:
        """Whether an embedded database's file holds nothing of it any more."""
        if not self._database.embedded:
            return True
        try:
            remains.clear(self._database, rewrite=rewrite)
        except remains.RemainsError as error:
            print(f"{error}. {AGAIN}", file=sys.stderr)
            return False
        return True


COMMAND = Command(
    "erase",
    "erase what a user wrote, a person's right to be forgotten",
    run,
    arguments,
    description="Erase what a user wrote and what is kept of him, while servers run. Asks before it does. What it "
    "takes, and what it leaves: docs/operations.md.",
)
