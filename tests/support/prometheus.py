"""What a Prometheus would have scraped."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.people import Person


class Scrape:
    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: list[Sample] = []
        self.kinds: dict[str, str] = {}
        """By the family's name, which a counter's samples have with `_total` behind it."""
        for family in text_string_to_metric_families(text):
            self.kinds[family.name] = family.type
            self.samples += family.samples

    @property
    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def value(self, name: str, **labels: str) -> float:
        """Of the one series with exactly these labels; 0 where it is not there."""
        return next((one.value for one in self.samples if one.name == name and one.labels == labels), 0.0)


async def scrape(person: Person, path: str = "/metrics") -> Scrape:
    answer = await person.get(path, root="", token="")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return Scrape(answer.raw.decode())
