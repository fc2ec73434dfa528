"""Two servers on one SQLite file, without a Redis: neither spoils the other's work, even when one is killed."""

import pytest

from tests.stories.conftest import Begin
from tests.support.figures import Figures
from tests.support.stored import Stored, check_integrity
from tests.support.traffic import Crowd

SENDERS = 100


@pytest.mark.editions("sqlite")
@pytest.mark.gen_test(timeout=90)
async def test_two_servers_write_one_file_and_one_of_them_is_killed(
    begin: Begin, database_url: str, figures: Figures
) -> None:
    one = await begin(database_url, SENDERS).started()
    two = await begin(database_url, SENDERS).started()
    crowd = Crowd(SENDERS)

    for _ in range(3):
        await crowd.begin(one, two)
        await crowd.until_acknowledged(500)
        two.kill()
        await crowd.until_acknowledged(200)  # by the other alone
        await crowd.end()
        two = await begin(database_url, SENDERS).started()
    await crowd.begin(one, two)
    await crowd.until_acknowledged(500)
    await crowd.end()

    stored = Stored(database_url)
    stored.check(crowd)
    check_integrity(database_url)
    assert crowd.unanswered
    assert len(crowd.refused) < len(crowd.acknowledged) / 100  # each waits for the other, and says so to nobody
    for process in (one, two):
        missed = (await process.person(1).get("/messages/sync?since=0&limit=100")).data
        assert missed["complete"] is True
        assert missed["latest"] == len(stored.written_to(1))
        assert "Traceback" not in process.errors
    figures.say(
        f"two servers on one SQLite file, one killed three times: {len(crowd.acknowledged):,} acknowledged, 0 lost, "
        f"0 twice; {len(crowd.refused):,} refused with 503"
    )
