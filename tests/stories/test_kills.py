"""A server is killed while very many send: what was acknowledged is there, once, and in its sender's order."""

import random

import pytest

from tests.stories.conftest import Begin
from tests.support.databases import PostgresServer, server_folder
from tests.support.figures import Figures
from tests.support.follower import follow_all
from tests.support.stored import Stored, check_integrity
from tests.support.traffic import RECIPIENTS, Crowd

LONG = 60.0


async def kill_again_and_again(begin: Begin, database_url: str, figures: Figures, *, senders: int, kills: int) -> None:
    first = process = await begin(database_url, senders).started()
    followers = await follow_all(first, RECIPIENTS)
    crowd = Crowd(senders)

    for _ in range(kills):
        await crowd.begin(process)
        await crowd.until_acknowledged(random.randint(1, 2 * senders), LONG)
        process.kill()
        await crowd.end(LONG)
        process = await begin(database_url, senders, PORT=first.port).started()
        Stored(database_url).check(crowd)
    await crowd.begin(process)
    await crowd.until_acknowledged(senders, LONG)
    await crowd.end(LONG)

    stored = Stored(database_url)
    stored.check(crowd)
    await stored.check_followers(followers, LONG)
    check_integrity(database_url)
    assert len(crowd.unanswered) >= kills  # it was killed in the middle
    assert all(follower.dials > kills for follower in followers.values())
    for follower in followers.values():
        await follower.stop()
    figures.say(
        f"{kills} kills amid {senders:,} senders at once: {len(crowd.acknowledged):,} acknowledged, 0 lost, 0 twice; "
        f"{len(crowd.unanswered):,} cut off, of which {stored.count(crowd.unanswered):,} were stored"
    )


@pytest.mark.gen_test(timeout=120)
@pytest.mark.editions("sqlite", "postgresql")
async def test_two_kills_amid_300_senders(begin: Begin, database_url: str, figures: Figures) -> None:
    await kill_again_and_again(begin, database_url, figures, senders=300, kills=2)


@pytest.mark.soak
@pytest.mark.gen_test(timeout=1800)
@pytest.mark.editions("sqlite", "postgresql")
async def test_twenty_kills_amid_2000_senders(begin: Begin, database_url: str, figures: Figures) -> None:
    await kill_again_and_again(begin, database_url, figures, senders=2_000, kills=20)


@pytest.mark.gen_test(timeout=120)
@pytest.mark.editions("postgresql")
async def test_the_database_server_crashes(begin: Begin, figures: Figures) -> None:
    """One that by its own settings answers before it has written: we ask it to write first."""
    with server_folder() as folder:
        postgres = PostgresServer(folder)
        url = postgres.fresh()
        process = await begin(url, 50).started()
        followers = await follow_all(process, RECIPIENTS)
        crowd = await Crowd(50).begin(process)
        for _ in range(3):
            await crowd.until_acknowledged(200, LONG)
            postgres.stop("immediate")
            await crowd.until_refused(1, LONG)
            postgres.start()
        await crowd.until_acknowledged(200, LONG)
        await crowd.end(LONG)

        stored = Stored(url)
        # What broke during its commit was refused, and may be stored all the same.
        stored.check(crowd, doubtful=crowd.refused)
        await stored.check_followers(followers, LONG)
        for follower in followers.values():
            await follower.stop()
        await process.clean_up()
        postgres.stop("immediate")
    figures.say(
        f"3 crashes of a PostgreSQL with synchronous_commit off, amid 50 senders: {len(crowd.acknowledged):,} "
        f"acknowledged, 0 lost; {len(crowd.refused):,} refused with 503, of which {stored.count(crowd.refused):,} "
        "were stored"
    )
