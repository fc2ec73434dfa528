"""What a message costs Redis is the same with two nodes as with one; measured as `make bench-scaling` does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scaling_table import REDIS, TIMETABLE, values
from regoods.core.settings import ROOT

SECONDS = 100


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler")
@pytest.mark.usefixtures("redis")
def test_redis_works_as_much_for_a_message_with_two_nodes_as_with_one(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", "--smoke", "--out", str(out)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, two = json.loads(out.read_text())["cases"].values()
    for case in (one, two):
        (run,) = case["runs"]
        load: dict[str, Any] = run["timetable"]["load"]
        assert load["accepted"] == load["sent"] > 0
        assert load["lost"] == load["misdelivered"] == run["timetable"]["counts"]["resyncs"] == 0
    for row in REDIS:
        (before,), (after,) = values(one, row), values(two, row)
        assert 0.8 < after / before < 1.25, row.what
    ((heard,),) = (values(two, row) for row in TIMETABLE if "heard" in row.what)
    assert 0.8 < heard < 1.2, "half of the sender's and the recipient's sockets are on the other node"
