"""Why a database cannot be used and what to do, in one line, from what its driver says."""

import re
from typing import Any

from sqlalchemy.engine import URL

from regoods.core import driver_errors
from regoods.core.urls import ESCAPES, Address, address

INSTALL = "Run `make run`, or pip install -r requirements.txt"
WRONG_LOGIN = f"user {{user!r}} or the password was refused by {{where}}. Correct them in the URL, with {ESCAPES}"

EXPLANATIONS = (
    (r"no module named '?psycopg", f"the driver psycopg is not installed. {INSTALL}"),
    (r"no module named '?pyodbc", f"the driver pyodbc is not installed. {INSTALL}"),
    (r"libodbc", "the system's ODBC library is missing. On Debian: apt-get install libodbc2"),
    (
        r"IM00[23]|data source name not found|can't open lib",
        "the ODBC driver that the URL names is not installed. docs/databases.md tells how to install Microsoft's or "
        "FreeTDS'; odbcinst -q -d lists those there are",
    ),
    (
        r"3D000|database .* does not exist|unknown database|cannot open database|\(4060\)",
        "there is no database {database!r} on {where}, or not for this user. Create it, or correct the URL",
    ),
    (
        r"permission denied for database",
        "user {user!r} may not connect to {database!r} on {where}. GRANT CONNECT ON DATABASE {database} TO {user};",
    ),
    (
        r"28P01|password authentication failed|login failed|access denied|18456|FATAL: *role .* does not exist",
        WRONG_LOGIN,
    ),
    (
        r"certificate verify failed|server certificate for|SSL Provider",
        "the certificate of {where} is not trusted. Install one that is, or, on SQL Server, add "
        "&TrustServerCertificate=yes to the URL",
    ),
    (
        r"server does not support SSL",
        "{where} has no TLS, and the URL's sslmode asks for it. Set ssl = on in that server, or take sslmode out",
    ),
    (
        r"could not translate host|name or service not known|failed to resolve",
        "no machine is called {host!r}. Correct the host in the URL",
    ),
    (r"FATAL: *(?P<said>[^\n]*)", "{where} answers: {said}"),
    (
        # So FreeTDS speaks of an answer that it cannot read.
        r"unable to connect to data source|unexpected eof from the server|\(20017\)",
        "what answers at {where} is no SQL Server, or asks for another TDS_Version. Correct host and port in the URL",
    ),
    (
        r"refused|timed? ?out|timeout|HYT00|unreachable|no route|can't connect|could not connect|2002|08001|"
        r"unable to connect",
        "nothing answers at {where}. Start the database server there, or correct host and port in the URL",
    ),
)
"""What the drivers say (a pattern) -> what is the matter and what to do. The first that fits."""

QUOTING = re.compile(
    r"(truncated value:|duplicate key value is|converting the \w+ value|invalid input syntax for type [\w ]+:).*",
    re.IGNORECASE,
)
"""What SQL Server and PostgreSQL say before a value out of a row, in the same line."""

NO_NAME = "the URL names no database. Write its name behind the host: {where}/regoods"

FILE_EXPLANATIONS = (
    (r"unable to open", "{path} cannot be opened. Let this user write to its folder, or name another file"),
    (r"read-?only", "{path} or its folder cannot be written to. Let this user write there, or name another file"),
    (r"not a database|malformed|encrypted", "{path} is no SQLite database, or a damaged one. Name another file"),
    (r"locked", "{path} is locked by another program. End it"),
    (r"disk is full|disk I/O", "{path} cannot be written: {said}. Make room, or look at the disk"),
)


def explain(error: BaseException, url: URL) -> str:
    """Why the database cannot be used and what to do, in one line without the password."""
    original: Any = getattr(error, "orig", None) or error
    said = " ".join(str(part) for part in original.args) or str(original)
    if url.get_backend_name() == "sqlite":
        return _explain(FILE_EXPLANATIONS, said, path=url.database) or one_line(error)
    at: Address = address(url)
    told = {"user": at.user, "host": at.host, "where": at.where, "database": at.database}
    if not at.database and re.search(r"3D000|database .* does not exist", said):
        return NO_NAME.format(**told)
    return _explain(EXPLANATIONS, said, **told) or one_line(error)


def explain_path(error: OSError, url: URL) -> str:
    """Why the folder of an embedded database cannot be made."""
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason = "a file is where a folder should be"
    return f"the folder of {url.database} cannot be made: {reason}. Name another path: sqlite:///data/regoods.db"


def explain_migration(error: BaseException, url: URL) -> str:
    if driver_errors.lacks_a_right(error):
        reason = one_line(error)
        return f"{reason}. Migrate as the owner of the tables, or give a DBA the text of `run.py migrate --sql`"
    return explain(error, url)


def sentence(text: str) -> str:
    """With a full stop at its end, or the semicolon of the statement that it ends with."""
    return text if text.endswith(";") else f"{text}."


def one_line(error: BaseException) -> str:
    original: Any = getattr(error, "orig", None) or error
    return loggable(str(original)).rstrip(".")


def loggable(said: str) -> str:
    """What may be logged of what an error says: the first line, for behind it databases quote rows and statements,
    without the value of a row that some quote in it."""
    return QUOTING.sub(r"\1 ...", said.partition("\n")[0])


def _explain(explanations: tuple[tuple[str, str], ...], said: str, **told: Any) -> str | None:
    for pattern, explanation in explanations:
        found = re.search(pattern, said, re.IGNORECASE)
        if found:
            return explanation.format(**{"said": said, **told, **found.groupdict()}).rstrip(".")
    return None
