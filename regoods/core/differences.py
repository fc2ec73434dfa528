"""What `check` found, and the commands that it names."""

from dataclasses import dataclass

CHECK = ".venv/bin/python run.py check"
MIGRATE = ".venv/bin/python run.py migrate"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be. `refuses`: a server does not start on it; else it is advice.

    `migrate` adds what is missing, or is stopped by it: then nothing can be added before it is mended.
    """

    subject: str
    problem: str
    remedy: str
    refuses: bool = True
    added_by_migrate: bool = False
    stops_migrate: bool = False

    def __str__(self) -> str:
        return f"{self.subject} {self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Report:
    refusals: list[Difference]
    advice: list[Difference]
    text_encoding: str | None
    """Python's name of what a message's text is stored in, where that cannot hold all of Unicode."""
    new: bool = False
    """Whether none of ReGoods' own tables is there."""

    @property
    def left_by_migrate(self) -> list[Difference]:
        """The refusals that `migrate` does not mend: all of them, where one stops it."""
        stopped = any(one.stops_migrate for one in self.refusals)
        return [one for one in self.refusals if stopped or not one.added_by_migrate]
