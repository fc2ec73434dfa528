"""Units of work in a command: each action in a transaction of its own, beside servers on the same database."""

import random
import time
from typing import ParamSpec, TypeVar

from regoods.core import explanations, schema
from regoods.core.clock import Clock
from regoods.core.database import Database, open_database
from regoods.core.differences import CHECK
from regoods.core.outbox import EventLog
from regoods.core.settings import Settings, SettingsError
from regoods.core.work import Action, Work

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 5
PAUSE_SECONDS = 0.2


def open_checked(settings: Settings, *, patient: bool = False) -> Database:
    """The database, looked at as a start does. Raises SettingsError where no server would start on it."""
    database = open_database(settings, patient=patient)
    database.probe()
    report = schema.check(database)
    if report.refusals:
        raise SettingsError(f"{database.shown} is not as it must be: {CHECK} says what to do.")
    database.text_encoding = report.text_encoding
    return database


class Units:
    """Runs actions, one after the other. What they publish is written to `log`; servers read it there."""

    def __init__(self, database: Database, log: EventLog | None = None) -> None:
        self._database = database
        self._log = log
        self._clock = Clock()

    def run(self, action: Action[P, T], user_id: int, *args: P.args, **kwargs: P.kwargs) -> T:
        """Again where a deadlock or another writer was in the way. Raises the action's ApiError, or SettingsError."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(action, user_id, *args, **kwargs)
            except Exception as error:
                if not self._database.is_operational(error) and not self._database.lacks_a_right(error):
                    raise
                if self._database.lacks_a_right(error):
                    remedy = "Do it as the owner of the tables, or GRANT the right"
                    raise SettingsError(f"{explanations.one_line(error)}. {remedy}.") from None
                if attempt == ATTEMPTS or not self._may_repeat(error):
                    raise self._database.unusable(error) from None
                time.sleep(random.uniform(0, PAUSE_SECONDS * attempt))
        raise AssertionError

    def _may_repeat(self, error: Exception) -> bool:
        database = self._database
        return database.undid_all(error) or database.took_too_long(error) or database.is_busy(error)

    def _once(self, action: Action[P, T], user_id: int, *args: P.args, **kwargs: P.kwargs) -> T:
        session = self._database.session(writes=action.writes)
        try:
            session.begin()
            work = Work(
                session,
                [],
                self._clock.now(),
                enrichers={},
                online=lambda _user_ids: set(),
                log=self._log,
                text_encoding=self._database.text_encoding,
                hearers={},
            )
            result = action.function(work, user_id, *args, **kwargs)
            if self._log is not None and work.outbox:
                self._log.append(session, work.outbox, work.now)
            session.commit()
        except BaseException:
            session.discard()
            raise
        session.close()
        return result
