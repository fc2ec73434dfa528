"""Whatever openapi.json allows, and what it does not: no 5xx, and no answer that it does not have.

Schemathesis makes the calls out of the document that the server itself gives.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.process import ServerProcess

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "ignored_auth",
)
"""Left out are those that the contract (section 2) decides otherwise: an unknown method is 404, and what breaks a rule
that no schema can say is 400."""

EXAMPLES = 40
"""For each call; with each phase some 1,500 requests in all."""

SECONDS = 240


@pytest.mark.gen_test(timeout=2 * SECONDS)
async def test_any_input_has_a_described_answer(tmp_path: Path, database_url: str) -> None:
    server = ServerProcess(
        tmp_path,
        DATABASE_URL=database_url,
        DEMO_DATA="true",
        RATE_LIMIT_WRITES_PER_MINUTE="0",
        RATE_LIMIT_READS_PER_MINUTE="0",
    )
    try:
        await server.started()
        run = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{server.base_url}/api/v1/openapi.json"),
            *("--header", f"Authorization: Bearer {server.person(1).token()}", "--checks", ",".join(CHECKS)),
            *("--max-examples", str(EXAMPLES), "--generation-deterministic"),
            *("--continue-on-failure", "--warnings", "off", "--no-color", "--max-failures", "20"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            report, _ = await asyncio.wait_for(run.communicate(), SECONDS)
        finally:
            if run.returncode is None:
                run.kill()
        assert run.returncode == 0, report.decode()
        assert " ERROR " not in server.errors
    finally:
        await server.clean_up()
