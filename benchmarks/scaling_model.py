"""What follows from the figures of `make bench-scaling` for more users, nodes and machines; all of it is computed."""

from collections.abc import Sequence
from math import ceil
from statistics import median

from benchmarks.scaling_table import (
    COSTS,
    LARGEST,
    REDIS,
    REST,
    SMALLEST,
    TIMETABLE,
    Results,
    Row,
    as_table,
    number,
    values,
)

SHARE = 0.6
"""Of a core that a node or Redis is planned to use, so that its queue stays short."""

MESSAGES_A_MINUTE = 1
"""Of a user who is online."""

ONLINE = (1_000, 10_000, 100_000, 1_000_000)

Range = tuple[float, float]
"""Of Redis and the database: where nodes batch as they do without a pause, and where each message comes alone."""


class Model:
    """The costs of a message in seconds of a core, and what it causes; from the medians of the runs."""

    def __init__(self, results: Results) -> None:
        def middle(case: str, row: Row) -> float:
            return median(values(results["cases"][case], row))

        nodes = results["cases"][LARGEST]["nodes"]
        self.one, several = (middle(case, COSTS[0]) / 1e6 for case in (SMALLEST, LARGEST))
        # Of n nodes the receiver's and the sender's sockets are with another than the request's at (n - 1) / n.
        self.of_many = self.one + (several - self.one) * nodes / (nodes - 1)
        batched = [middle(LARGEST, row) for row in COSTS]
        alone = [middle(LARGEST, row) for row in TIMETABLE if row.what in {cost.what for cost in COSTS}]
        both: list[Range] = list(zip(batched, alone, strict=True))
        _, self.redis, self.database, self.statements, self.commits = both
        self.commands, self.came, self.went = (middle(LARGEST, row) for row in REDIS)
        self.memory = middle(LARGEST, REST[2])
        idle, idle_of_several = (middle(case, REST[0]) for case in (SMALLEST, LARGEST))
        self.noise = max(0.0, (idle_of_several - idle) / (nodes - 1))
        """Redis' commands a second for a node: the slope of the line through both cases, which have as many sockets."""
        self.refresh = max(0.0, idle - self.noise) / results["plan"]["sockets"]
        """The same for an idle socket."""

    def nodes(self, messages: float) -> int:
        alone = ceil(messages * self.one / SHARE)
        return alone if alone <= 1 else ceil(messages * self.of_many / SHARE)

    def column(self, users: int) -> dict[str, str]:
        messages = users * MESSAGES_A_MINUTE / 60
        nodes = self.nodes(messages)
        commands = messages * self.commands + nodes * self.noise + users * self.refresh
        redis = [commands * cost / self.commands / 1e6 for cost in self.redis]
        return {
            "messages a second": number(messages, 0),
            f"nodes, each at {SHARE:.0%} of a core": number(nodes, 0),
            "sockets a node": number(users / nodes, 0),
            "Redis: commands a second": number(commands, 0),
            "Redis: Mbit/s in and out, for messages": number(messages * (self.came + self.went) * 8 / 1e6, 1),
            "Redis: memory of sockets, MB": number(users * self.memory / 1e6, 0),
            "Redis: cores": spread(redis, 2),
            f"Redis servers, each at {SHARE:.0%} of a core": number(ceil(max(redis) / SHARE), 0),
            "database: statements a second, for sends": spread([messages * one for one in self.statements]),
            "database: commits a second": spread([messages * one for one in self.commits]),
            "database: cores, for sends": spread([messages * one / 1e6 for one in self.database], 2),
        }


def spread(both: Sequence[float], digits: int = 0) -> str:
    low, high = (number(value, digits) for value in sorted(both))
    return low if low == high else f"{low}–{high}"


def summary(results: Results) -> str:
    if not all(results["cases"].get(name, {}).get("runs") for name in (SMALLEST, LARGEST)):
        return ""
    model = Model(results)
    columns = [model.column(users) for users in ONLINE]
    lines = [[what, *(column[what] for column in columns)] for what in columns[0]]
    return (
        f"Computed from the medians above: one core bears {1 / model.one:,.0f} messages/s as the only node and "
        f"{1 / model.of_many:,.0f} as one of many, {spread([1e6 / cost for cost in model.redis])} as Redis, "
        f"{spread([1e6 / cost for cost in model.database])} as the database. Of two values one holds where nodes batch "
        "as they do without a pause, the other where each message comes alone. Beside the messages, a node costs Redis "
        f"{model.noise:.1f} commands a second and an idle socket {model.refresh:.3f}.\n\n"
        f"Computed, where a user who is online sends {MESSAGES_A_MINUTE} message a minute:\n\n"
        + as_table(["online", *(f"{users:,}" for users in ONLINE)], lines)
        + "\n"
    )
