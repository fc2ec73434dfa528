"""Real database servers for tests: started in a folder and on a port of their own, with fresh databases for each test.

SQL Server cannot be started here: `make test-mssql MSSQL_URL=…` names one that runs.
"""

import glob
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from regoods import migrations
from regoods.core import needs
from regoods.core.database import Database, metadata
from regoods.core.settings import ROOT
from tests.support.ports import accepts, free_port

START_SECONDS = 60


class MissingPackage(Exception):
    """A package of the system that a test needs is not installed."""


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    return [table for table in metadata.sorted_tables if needs.is_for(table, connection.dialect)]


class DatabaseServer:
    """A server, and databases on it with the schema in place: `fresh` gives one out, `take_back` empties it."""

    def __init__(self) -> None:
        self._unused: list[str] = []
        self._made: list[str] = []

    @property
    def admin_url(self) -> URL:
        """Of a database that is always there, for a user who may make others."""
        raise NotImplementedError

    def url_of(self, name: str) -> URL:
        return self.admin_url.set(database=name)

    def execute(self, *statements: str) -> None:
        """Run statements outside of a transaction, as the administrator."""
        engine = sa.create_engine(self.admin_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    def create(self, options: str = "") -> str:
        """A new database without tables; its URL."""
        name = f"regoods_test_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return shown(self.url_of(name))

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {database_of(url)}")

    def fresh(self) -> str:
        """The URL of a database with the whole schema and no rows."""
        if self._unused:
            return self._unused.pop()
        url = self.create()
        self._made.append(url)
        database = Database(url, ROOT)
        migrations.upgrade(database)
        database.close()
        return url

    def drop_all(self) -> None:
        """Drop those that `fresh` made."""
        for url in self._made:
            self.drop(url)

    def take_back(self, url: str) -> None:
        database = Database(url, ROOT)
        with database.engine.begin() as connection:
            self.empty(connection)
        database.close()
        self._unused.append(url)

    def empty(self, connection: sa.Connection) -> None:
        preparer = connection.dialect.identifier_preparer
        for table in tables_of(connection):
            connection.exec_driver_sql(f"TRUNCATE TABLE {preparer.format_table(table)}")


class PostgresServer(DatabaseServer):
    """Debian's PostgreSQL; without its safety against power cuts, which no test needs, unless asked for."""

    def __init__(self, folder: Path, *, safe: bool = False) -> None:
        super().__init__()
        self.folder = folder
        self.safe = safe
        self.port = free_port()
        self._bin = postgres_folder()
        self._user = prepare_folder(folder, "postgres")
        self._run(
            "initdb", "-D", str(folder / "data"), "-U", "regoods", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
        )
        self.start()

    @property
    def admin_url(self) -> URL:
        return URL.create("postgresql+psycopg", "regoods", "secret", "127.0.0.1", self.port, "postgres")

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} "
            "-c max_connections=300 -c deadlock_timeout=100ms"
        )
        if not self.safe:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-t", str(START_SECONDS), "-o", options, "start"
        )

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", how, "-w", "stop")

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {database_of(url)} WITH (FORCE)")

    def empty(self, connection: sa.Connection) -> None:
        preparer = connection.dialect.identifier_preparer
        names = ", ".join(preparer.format_table(table) for table in tables_of(connection))
        connection.exec_driver_sql(f"TRUNCATE TABLE {names} RESTART IDENTITY")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            stdout=(self.folder / f"{program}.out").open("w"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            user=self._user,
            check=False,
        )
        assert done.returncode == 0, (self.folder / f"{program}.out").read_text()


class SqlServer(DatabaseServer):
    """A SQL Server that runs elsewhere; MSSQL_URL names any database on it, for a user who may create databases."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = make_url(url)

    @property
    def admin_url(self) -> URL:
        return self._url

    def url_of(self, name: str) -> URL:
        odbc = self._url.query.get("odbc_connect")
        if odbc is None:
            return self._url.set(database=name)
        assert isinstance(odbc, str)
        kept = [part for part in odbc.split(";") if part and not part.upper().startswith("DATABASE=")]
        return self._url.update_query_dict({"odbc_connect": ";".join([*kept, f"DATABASE={name}"])})

    def drop(self, url: str) -> None:
        name = database_of(url)
        self.execute(f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE", f"DROP DATABASE {name}")


class MariaDbServer(DatabaseServer):
    """Debian's MariaDB behind pyodbc: stands in for SQL Server where it is the ODBC path that is tested."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.port = free_port()
        program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
        if program is None or not glob.glob("/usr/lib/*/odbc/libmaodbc.so"):
            raise MissingPackage(
                "MariaDB with ODBC is not installed (Debian: apt-get install libodbc2 odbc-mariadb mariadb-server-core "
                "mariadb-client-core)"
            )
        self._program = program
        self._user = prepare_folder(folder, "nobody")
        (self.folder / "install.sql").write_text(
            "CREATE USER 'regoods'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO 'regoods'@'%' WITH GRANT OPTION;\n"
        )
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", self._tmpdir, *self._as_user()]
        done = subprocess.run(
            [*command, "--skip-test-db"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.start(f"--init-file={folder}/install.sql")

    @property
    def admin_url(self) -> URL:
        return self.url_of("mysql")

    def url_of(self, name: str, password: str = "secret", port: int = 0) -> URL:
        odbc = (
            f"DRIVER={{MariaDB Unicode}};SERVER=127.0.0.1;PORT={port or self.port};UID=regoods;PWD={password};"
            f"DATABASE={name}"
        )
        return URL.create("mariadb+pyodbc", query={"odbc_connect": odbc})

    def start(self, *options: str) -> None:
        self._process = launch(
            [
                self._program,
                "--no-defaults",
                *self._as_user(),
                f"--datadir={self.folder}/data",
                self._tmpdir,
                f"--socket={self.folder}/socket",
                f"--pid-file={self.folder}/pid",
                "--bind-address=127.0.0.1",
                f"--port={self.port}",
                "--character-set-server=utf8mb4",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0",
                *options,
            ],
            self.port,
            self.folder / "log",
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)

    def _as_user(self) -> list[str]:
        return [f"--user={self._user}"] if self._user else []

    @property
    def _tmpdir(self) -> str:
        """Of its own: at its start each server removes the temporary tables that it finds, also those of others."""
        return f"--tmpdir={self.folder}"


def launch(command: Sequence[str], port: int, log: Path) -> subprocess.Popen[bytes]:
    """Start a program that writes to `log`, and wait until it accepts connections."""
    process = subprocess.Popen(command, stdout=log.open("a"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + START_SECONDS
    while not accepts(port):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(log.read_text())
        time.sleep(0.02)
    return process


def shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def database_of(url: str) -> str:
    parsed = make_url(url)
    odbc = str(parsed.query.get("odbc_connect", ""))
    names = [part.partition("=")[2] for part in odbc.split(";") if part.upper().startswith("DATABASE=")]
    return names[0] if names else str(parsed.database)


def postgres_folder() -> Path:
    """Where initdb and pg_ctl are. Raises MissingPackage."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise MissingPackage("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return Path(found[-1]).parent


def prepare_folder(folder: Path, user: str) -> str | None:
    """Make the folder this user's, where we are root: a database server refuses to run as root. The user to run as."""
    if os.geteuid() != 0:
        return None
    pwd.getpwnam(user)
    shutil.chown(folder, user)
    return user


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder under the system's own temporary one, which other users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="regoods-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows(url: str, statement: Any) -> list[Any]:
    """Run a statement as another program would; its rows."""
    database = Database(url, ROOT)
    with database.engine.begin() as connection:
        result = connection.execute(statement)
        found = list(result) if result.returns_rows else []
    database.close()
    return found
