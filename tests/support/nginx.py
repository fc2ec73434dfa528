"""A real nginx on config/nginx.conf: edited as an operator edits it, in a folder and on ports of its own."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from regoods.core.settings import ROOT
from tests.support.databases import START_SECONDS, MissingPackage, launch
from tests.support.ports import free_port

CONFIGURATION = ROOT / "config" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""Folders that nginx makes at its start, in a place of root's where it is not told another."""


class Nginx:
    """Debian's, before `nodes` (ports of two) and `existing_api` (a port), all on 127.0.0.1."""

    def __init__(self, folder: Path, nodes: Iterable[str], existing_api: int, edits: dict[str, str]) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        if program is None or shutil.which("openssl") is None:
            raise MissingPackage("nginx or openssl is not installed (Debian: apt-get install nginx openssl)")
        self.folder = folder
        self.http_port, self.https_port = free_port(), free_port()
        first, second = nodes
        certificate, key = make_certificate(folder)
        places = "".join(f"\n    {name}_temp_path {folder}/{name};" for name in TEMPORARY)
        self._write(
            {
                "server 127.0.0.1:3000 ": f"server 127.0.0.1:{first} ",
                "server 127.0.0.1:3001 ": f"server 127.0.0.1:{second} ",
                "server 127.0.0.1:4000;": f"server 127.0.0.1:{existing_api};",
                "listen 80;": f"listen 127.0.0.1:{self.http_port};",
                "listen 443 ssl": f"listen 127.0.0.1:{self.https_port} ssl",
                "listen [::]:80;": "",
                "listen [::]:443 ssl http2;": "",
                "/etc/ssl/regoods/fullchain.pem": str(certificate),
                "/etc/ssl/regoods/privkey.pem": str(key),
                "/var/log/nginx/access.log": str(folder / "access.log"),
                "error_log /var/log/nginx/error.log": f"error_log {folder / 'error.log'}",
                "/run/nginx.pid": str(folder / "pid"),
                "worker_processes auto;": "worker_processes 2;",
                "http {": f"http {{{places}",
            }
            | edits
        )
        command = [program, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        self._process = launch(command, self.https_port, folder / "output")

    @property
    def base_url(self) -> str:
        return f"https://127.0.0.1:{self.https_port}"

    @property
    def accesses(self) -> str:
        return (self.folder / "access.log").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "error.log").read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)

    def _write(self, edits: dict[str, str]) -> None:
        text = CONFIGURATION.read_text()
        for before, after in edits.items():
            assert text.count(before) == 1, f"{before!r} is in nginx.conf {text.count(before)} times"
            text = text.replace(before, after)
        (self.folder / "nginx.conf").write_text(text)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Signed by itself, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key
