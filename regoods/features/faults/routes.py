from regoods.core.api import DevelopmentHandler
from regoods.core.calls import Body, Query, call
from regoods.core.errors import NotFound, ValidationError
from regoods.core.faults import Disturbance, Faults
from regoods.core.wire import Id
from regoods.features.faults import events, rules


class FaultsHandler(DevelopmentHandler):
    @property
    def faults(self) -> Faults:
        assert self.services.faults is not None
        return self.services.faults

    def send_state(self, user_id: int) -> None:
        self.send(events.state(user_id, self.faults.sockets(user_id), self.faults.disturbed(user_id)))

    def count_sockets(self, user_id: int) -> events.Reached:
        """Raises NotFound where there is none to do something to."""
        sockets = self.faults.sockets(user_id)
        if not sockets:
            raise NotFound(f"User {user_id} has no open socket in this process.")
        return events.Reached(user_id=user_id, sockets=sockets)


class Disturbances(FaultsHandler):
    @call(events.FaultsState)
    def get(self, user_id: Query[Id]) -> None:
        self.send_state(user_id)

    @call(events.FaultsState)
    def put(self, request: Body[events.DisturbRequest]) -> None:
        disturbance = Disturbance(
            drop_every=request.drop_every,
            duplicate_every=request.duplicate_every,
            reorder_every=request.reorder_every,
            delay_ms=request.delay_ms,
        )
        self.faults.disturb(request.user_id, disturbance, request.seconds)
        self.send_state(request.user_id)

    @call(events.FaultsState)
    def delete(self, user_id: Query[Id]) -> None:
        self.faults.calm(user_id)
        self.send_state(user_id)


class Kill(FaultsHandler):
    @call(events.Reached)
    def post(self, request: Body[events.KillRequest]) -> None:
        if not rules.is_close_code(request.code):
            raise ValidationError("code", "code must be one that a close frame may carry, such as 1001 or 4000.")
        reached = self.count_sockets(request.user_id)
        if request.how == "reset":
            self.faults.reset(request.user_id)
        elif request.how == "close":
            self.faults.close(request.user_id, request.code, request.reason)
        else:
            self.faults.silence(request.user_id)
        self.send(reached)


class ExpireToken(FaultsHandler):
    @call(events.Reached)
    def post(self, request: Body[events.ExpireRequest]) -> None:
        """Also of a user without a socket: his calls are refused."""
        sockets = self.faults.sockets(request.user_id)
        self.services.tokens.end(request.user_id)
        self.faults.expire(request.user_id, request.seconds)
        self.send(events.Reached(user_id=request.user_id, sockets=sockets))


class Fill(FaultsHandler):
    @call(events.Reached)
    def post(self, request: Body[events.FillRequest]) -> None:
        reached = self.count_sockets(request.user_id)
        self.faults.fill(request.user_id, request.bytes)
        self.send(reached)


ROUTES = [
    (r"/debug/faults", Disturbances),
    (r"/debug/faults/kill", Kill),
    (r"/debug/faults/expire-token", ExpireToken),
    (r"/debug/faults/fill", Fill),
]
