"""`make audit`: is a vulnerability known of anything that is pinned?

pip-audit asks PyPI for the page of each release. An index that stands in for PyPI may have the page of a project only,
which speaks of its newest release: where a release's own page is missing and the newest is the one pinned, that page
answers. What nobody answers for is named and fails (`--strict`), for not asked is not clean.

Exit codes: 0 when all are answered for and nothing is known, 1 otherwise. Arguments go to pip-audit.
"""

import re
import sys
from typing import Any

import pip_audit._service.pypi as pypi
from pip_audit._cli import audit
from requests import Response, Session

RELEASE = re.compile(r"(https://pypi\.org/pypi/[^/]+)/([^/]+)/json")
"""https://docs.pypi.org/api/json: of a release, `/pypi/NAME/VERSION/json`; of a project, `/pypi/NAME/json`."""

caching_session = pypi.caching_session


def asking_projects_too(*args: Any, **options: Any) -> Session:
    session = caching_session(*args, **options)

    def projects_page(answer: Response, **how: Any) -> Response | None:
        asked = RELEASE.fullmatch(answer.url)
        if answer.status_code != 404 or not asked:
            return None
        page = session.get(f"{asked[1]}/json", timeout=how.get("timeout"))
        return page if page.ok and page.json()["info"]["version"] == asked[2] else None

    session.hooks["response"].append(projects_page)
    return session


if __name__ == "__main__":
    pypi.caching_session = asking_projects_too
    sys.argv[1:1] = ["--strict", "--progress-spinner", "off"]
    audit()
