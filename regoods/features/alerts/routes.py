from regoods.core.api import ApiHandler
from regoods.core.calls import call
from regoods.core.errors import NotFound
from regoods.core.wire import encode
from regoods.features.alerts import events
from regoods.features.alerts.periodic import Watch


class Alerts(ApiHandler):
    requires_user = False

    @call(events.AlertList, envelope=False, errors=(NotFound,))
    def get(self) -> None:
        """The four alerts of the process that answers, with their figures and limits; 404 from outside, by nginx."""
        watch = self.services.state(Watch)
        alerts = events.alert_list(self.services.settings, list(watch.alerts.values()), watch.changes)
        self.finish(encode(alerts))


ROUTES = [(r"/health/alerts", Alerts), (r"/api/v1/health/alerts", Alerts)]
