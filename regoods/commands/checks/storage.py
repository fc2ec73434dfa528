"""The database, the schema in it, the pictures, and the room they have."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from regoods import migrations
from regoods.commands.checks.finding import Finding, Mark, advice, bad, good
from regoods.core import durability, schema
from regoods.core.database import Database, file_to_make, open_database
from regoods.core.settings import ROOT, Settings, SettingsError
from regoods.features.attachments import store

LEAST_FREE = 1 << 30
"""Bytes. A backup, and an erasure, want as much again as the database has."""


def look_at_database(settings: Settings) -> Iterator[Finding]:
    try:
        new_file = file_to_make(settings)
        if new_file is not None:
            yield good(
                "Database",
                f"there is no file {new_file} yet. A start in development makes it, with all that is needed",
            )
            return
        database = open_database(settings, looks_only=True)
        database.probe()
    except SettingsError as error:
        yield bad(error)
        return
    yield good("Database", database.shown)
    yield from _schema(database, made_at_start=database.embedded and settings.development)
    if database.embedded:
        path = Path(str(database.url.database))
        yield from _room("Room for the database", path.parent, max(LEAST_FREE, 2 * path.stat().st_size))
    database.close()


def _schema(database: Database, *, made_at_start: bool) -> Iterator[Finding]:
    report = schema.check(database)
    refusals = report.left_by_migrate if made_at_start else report.refusals
    for one in refusals:
        yield bad(one)
    added = [one.subject for one in report.refusals if one not in refusals]
    if added:
        yield good("Schema", f"a start in development adds {', '.join(added)}")
    elif not refusals:
        yield good("Schema", "all tables, columns, indexes and rights that a server needs")
    for one in [*report.advice, *durability.advice(database), *migrations.advice(database)]:
        yield Finding(Mark.ADVICE, str(one))


def look_at_pictures(settings: Settings) -> Iterator[Finding]:
    url = settings.attachments_url
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc:
        try:
            store.probe(url)
        except SettingsError as error:
            yield bad(error)
        else:
            yield good("Pictures", f"{url} takes and gives them")
        return
    folder = Path(ROOT, unquote(parts.path))
    try:
        # Whoever only looks makes no folder; a start does.
        there = next(one for one in (folder, *folder.parents) if one.exists())
    except OSError as error:
        yield bad(f"ATTACHMENTS_URL={url!r} cannot be used: {error.strerror}. Set another.")
        return
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield bad(
            f"ATTACHMENTS_URL={url!r} cannot be used: {there} cannot be written by this user. chown it, or set another."
        )
        return
    yield good("Pictures", f"{folder} can be written")
    yield from _room("Room for pictures", there, LEAST_FREE)


def _room(subject: str, folder: Path, wanted: int) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:,.1f} GB free in {folder}"
    if free < wanted:
        yield advice(
            subject, f"{text}, of {wanted / 1e9:,.1f} that should be", "A full disk is answered 503: make room."
        )
    else:
        yield good(subject, text)
