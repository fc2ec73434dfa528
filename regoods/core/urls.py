"""DATABASE_URL: reading it, showing it without its secrets, and the file that an embedded database is."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url

DRIVERS = {
    "sqlite": "sqlite",
    "mssql": "mssql+pyodbc",
    "postgresql": "postgresql+psycopg",
    "mariadb": "mariadb+pyodbc",
}
"""Backend -> how its URL begins. MariaDB stands in for SQL Server in tests of the ODBC path; nobody runs on it."""

ESCAPES = "@ : / ? # % written as %40 %3A %2F %3F %23 %25"

HARMLESS = {
    "application_name", "app", "charset", "connect_timeout", "database", "dbname", "driver", "encrypt", "host",
    "options", "port", "server", "sslmode", "tds_version", "timeout", "trustservercertificate",
}  # fmt: skip
"""Keys of a URL's query whose values may be shown; any other may be a secret."""


def read_url(text: str) -> URL:
    """Raises ValueError, in words that repeat nothing of the text: a password may be anywhere in it."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except Exception:
        raise ValueError(
            f"it is no URL. Allowed: dialect+driver://user:password@host:port/database, with {ESCAPES} in a password"
        ) from None
    if "@" in (url.host or ""):
        raise ValueError("it has more than one @. Write the password's own @ as %40")
    driver = DRIVERS.get("postgresql" if backend == "postgres" else backend)
    if driver is None:
        raise ValueError(f"there is no edition for {backend!r}. Allowed: sqlite, mssql+pyodbc, postgresql+psycopg")
    asked = url.drivername.partition("+")[2]
    if backend == "sqlite":
        if asked not in ("", "pysqlite"):
            raise ValueError(f"the driver {asked!r} is not used here. Write sqlite:///…")
        if url.host:
            raise ValueError(
                "a file comes after three slashes. Write sqlite:///data/regoods.db, or four and a whole path"
            )
        return url
    if asked and url.drivername != driver:
        raise ValueError(f"the driver {asked!r} is not used here. Write {driver}://…")
    if backend == "mssql":
        _check_odbc(url)
    return url.set(drivername=driver)


def is_freetds(url: URL) -> bool:
    asked = " ".join(str(url.query.get(key, "")) for key in ("driver", "odbc_connect")).lower()
    return "freetds" in asked or "tdsodbc" in asked


def shown(url: URL) -> str:
    """For the eyes of an operator: without the password, and without what in the query could be one."""
    if "odbc_connect" in url.query:
        return f"{url.drivername}:///?odbc_connect=…"
    secret = {key: "hidden" for key in url.query if key.lower() not in HARMLESS}
    return url.update_query_dict(secret).render_as_string(hide_password=True)


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL says of the server, in its own parts, in its query or in the ODBC text in it."""

    user: str
    host: str
    where: str
    """Host and port."""
    database: str


def address(url: URL) -> Address:
    said = _odbc(url) | {key.upper(): str(value) for key, value in url.query.items()}
    host = url.host or said.get("SERVER") or said.get("HOST") or "the server"
    port = url.port or said.get("PORT", "")
    return Address(
        user=url.username or said.get("UID") or said.get("USER", ""),
        host=host,
        where=f"{host}:{port}" if port else host,
        database=url.database or said.get("DATABASE") or said.get("DBNAME", ""),
    )


def file_url(url: URL, root: Path, *, create: bool) -> URL:
    """An embedded database's URL with the whole path. Its folder is made, or it must be there: `create`.

    Raises OSError or ValueError.
    """
    if not url.database or url.database == ":memory:":
        raise ValueError(
            "a database in memory would be another one for each thread. Name a file: sqlite:///data/regoods.db"
        )
    path = root / url.database
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Name a file in it")
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise ValueError(
            f"there is no file {path}. Correct the path, or let `run.py migrate` make a new database there"
        )
    return url.set(database=str(path))


def missing_file(url: URL, root: Path) -> Path | None:
    """The file of an embedded database that is not there yet."""
    path = root / (url.database or "")
    return path if url.get_backend_name() == "sqlite" and url.database and not path.exists() else None


def can_be_made(path: Path) -> bool:
    """Whether a file could be made there, with the folders it needs."""
    folder = next(parent for parent in path.parents if parent.exists())
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _odbc(url: URL) -> dict[str, str]:
    pairs = (part.partition("=")[::2] for part in str(url.query.get("odbc_connect", "")).split(";"))
    return {key.strip().upper(): value.strip() for key, value in pairs}


def _check_odbc(url: URL) -> None:
    """Raises ValueError for what the drivers answer with riddles, or not at all."""
    odbc = _odbc(url)
    keys = {key.upper() for key in url.query} | set(odbc)
    named = keys & {"DRIVER", "DSN"} or (url.host and not url.database)  # a host alone is the name of a DSN
    if not named:
        raise ValueError(
            "it names no ODBC driver. Add ?driver=ODBC+Driver+18+for+SQL+Server, or another that odbcinst -q -d lists"
        )
    if is_freetds(url):
        if url.port:
            raise ValueError(
                "FreeTDS does not understand host and port in a URL. Write "
                "mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS%3BSERVER%3Dhost%3BPORT%3D1433%3BTDS_Version%3D7.4%3B…"
            )
        if "TDS_VERSION" not in keys:
            raise ValueError(
                "FreeTDS tries version after version of the protocol. Add TDS_Version%3D7.4%3B to odbc_connect"
            )
