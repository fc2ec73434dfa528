"""config/docker-compose.yml without an engine: its commands and environments, with addresses and folders from here."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dotenv
import msgspec
import pytest
import yaml

from regoods.core.settings import ROOT, Settings
from tests.conftest import start_or_skip
from tests.support.databases import PostgresServer, database_of, server_folder
from tests.support.nginx import CONFIGURATION, Nginx
from tests.support.people import Person
from tests.support.pictures import END, FORM, form, opened, photo
from tests.support.ports import free_port
from tests.support.process import TOKEN, Start
from tests.support.redis import RedisServer

CONFIG = ROOT / "config"
SECRETS = {"JWT_ACCESS_SECRET": "0123456789abcdef" * 4, "POSTGRES_PASSWORD": "fedcba9876543210" * 4}


def compose(values: dict[str, str]) -> dict[str, Any]:
    """The file as compose reads it: `${NAME:-default}`, `${NAME:?complaint}`, and `$$` for a dollar."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        given = values.get(found["name"], "")
        if found["sign"] == "?" and not given:
            raise LookupError(f"{found['name']} {found['rest']}")
        return given or found["rest"]

    text = (CONFIG / "docker-compose.yml").read_text()
    read = yaml.safe_load(re.sub(r"\$\$|\$\{(?P<name>\w+):(?P<sign>[-?])(?P<rest>[^}]*)\}", value, text))
    services: dict[str, Any] = read["services"]
    return services


@pytest.fixture
def services() -> dict[str, Any]:
    """As with config/compose.env.example copied and its secrets filled in."""
    example = {name: text or "" for name, text in dotenv.dotenv_values(CONFIG / "compose.env.example").items()}
    assert all(example[name] == "" for name in SECRETS)
    return compose(example | SECRETS)


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.create()
    yield database_of(url)
    postgres.drop(url)


@pytest.fixture
def environment(
    services: dict[str, Any], postgres: PostgresServer, empty_database: str, redis: RedisServer
) -> dict[str, str]:
    """Of all nodes, at the addresses here."""
    first: dict[str, str] = services["node-1"]["environment"]
    assert first == services["node-2"]["environment"] == services["migrate"]["environment"]
    assert first["TRUSTED_PROXIES"] == services["nginx"]["networks"]["default"]["ipv4_address"]
    here = {
        "DATABASE_URL": ("@postgres:5432/regoods", f"@127.0.0.1:{postgres.port}/{empty_database}"),
        "REDIS_URL": ("//redis:6379/", f"//127.0.0.1:{redis.port}/"),
        "TRUSTED_PROXIES": (first["TRUSTED_PROXIES"], "127.0.0.1"),
    }
    for name, (before, _) in here.items():
        assert before in first[name]
    return first | {name: first[name].replace(*change) for name, change in here.items()}


@pytest.fixture
def start(environment: dict[str, str], start: Start) -> Start:
    """Runs run.py as the nodes' image does."""
    return partial(start, **environment)


@pytest.fixture
def place() -> Iterator[Path]:
    with server_folder() as folder:
        yield folder


def test_without_secrets_it_does_not_begin() -> None:
    for missing in SECRETS:
        with pytest.raises(LookupError, match=f"{missing} is missing in config/.env"):
            compose(SECRETS | {missing: ""})


def test_it_knows_no_setting_that_we_do_not(services: dict[str, Any]) -> None:
    ours = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    image = re.findall(r"^ENV (.*)$", (CONFIG / "Dockerfile").read_text(), re.MULTILINE)
    of_the_image = {part.partition("=")[0] for line in image for part in shlex.split(line)} - {"PATH"}

    assert services["node-1"]["environment"].keys() <= ours
    assert of_the_image <= ours


def test_the_image_has_all_that_a_node_reads() -> None:
    text = (CONFIG / "Dockerfile").read_text()
    copied = {source for source, _ in re.findall(r"^COPY (\w\S*) (\S+)$", text, re.MULTILINE)}
    kept = {line[1:] for line in (CONFIG / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}

    assert copied == kept == {"requirements.txt", "run.py", "templates", "regoods"}
    assert all((ROOT / name).exists() for name in copied)


def test_nginx_is_given_the_nodes_names_and_a_certificate(services: dict[str, Any], tmp_path: Path) -> None:
    nginx = services["nginx"]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    *shell, script = nginx["command"]
    run = ["cd ", "/config/nginx.conf", "/etc/nginx/nginx.conf", "exec nginx -g 'daemon off;'"]
    assert all(part in script for part in run)
    script = script.replace("/config/nginx.conf", str(CONFIGURATION)).replace("/etc/ssl/regoods", str(tmp_path))
    script = script.replace("/etc/nginx/nginx.conf", f"{tmp_path}/nginx.conf").replace(run[-1], "")

    subprocess.run([*shell, script], check=True, env=nginx["environment"] | {"PATH": "/usr/bin"}, capture_output=True)

    written = (tmp_path / "nginx.conf").read_text()
    nodes = re.findall(r"server ([\w.-]+:\d+) max_fails=1", written)
    assert nodes == ["node-1:3000", "node-2:3000"]
    assert set(services) >= {node.partition(":")[0] for node in nodes}
    assert re.findall(r"upstream existing_api {\s+server (\S+);", written) == ["host.docker.internal:4000"]
    assert "127.0.0.1" not in written
    assert "PRIVATE KEY" in (tmp_path / "privkey.pem").read_text()
    assert "CERTIFICATE" in (tmp_path / "fullchain.pem").read_text()


@pytest.mark.gen_test(timeout=60)
async def test_from_an_empty_database_to_a_chat(
    start: Start, services: dict[str, Any], environment: dict[str, str], place: Path
) -> None:
    python, program, *arguments = services["migrate"]["command"]
    assert (python, program) == ("python", "run.py")
    assert await start(*arguments).exit_code() == 0
    ports = [(await start().started()).port for _ in range(2)]
    nginx = start_or_skip(lambda folder: Nginx(folder, ports, free_port(), {}), place)
    try:
        ann, ben = (Person(nginx.base_url, number, SECRETS["JWT_ACCESS_SECRET"]) for number in (1, 2))
        token = await start("token", "--user", "1").line(TOKEN)
        partners = (await ann.get("/messages/conversations", token=token)).data
        assert {partner["userId"] for partner in partners} == {2, 3}
        sent = await ann.write(ben, "Is the bike still there?", postId=1)
        assert (await ben.get("/messages/user/1")).data[-1] == sent
        taken = await ann.post("/messages/attachments", raw=form(photo()) + END, headers=FORM)
        address, _, name = taken.data["url"].partition("/attachments/")
        assert address == environment["PUBLIC_URL"]
        assert opened((await ben.get(f"/attachments/{name}", root="", token="")).raw).format == "JPEG"
        assert (await ann.get("/posts")).error["code"] == "SERVICE_UNAVAILABLE"  # nothing is at REGOODS_API
    finally:
        nginx.stop()
