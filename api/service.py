"""What the routes answer with."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from starlette.responses import Response

from api.access import Door
from api.background import Background, Duty
from api.exposures import Exposures
from api.metrics import REPAIRED, Metrics
from endcap.ports import HistoryStore, Lake, RecordLog
from endcap.registry.bundle import Verified
from endcap.use_cases.answer_visitors import Answer, Reception
from endcap.use_cases.live_models import LiveModel, LiveModels
from endcap.use_cases.repair_history import repair_history
from endcap.use_cases.resting_history import RestingHistory

REFRESH = "refresh"
REPAIR = "repair"
FLUSH = "flush"
FLUSH_SECONDS = 1.0
SETTLE = "settle"
SETTLE_SECONDS = 1.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False, repr=False)
class ServiceParts:
    """What a service is made of; see `Service`.

    `now`: returns UTC epoch ms; `new_id`: an id that no other answer has. `one_at_a_time`: whether
    the process answers one request at a time and may never run again after it, so that exposures
    are written before the answer is given. `stores`: the addresses of history and log. `log_key`:
    what user ids are hashed with in the logs. `verified`: which files of models had their hashes
    before; without it all are hashed.
    """

    lake: Lake
    history: HistoryStore
    log: RecordLog
    door: Door
    now: Callable[[], int]
    new_id: Callable[[], str]
    refresh_seconds: float = 30.0
    repair_seconds: float = 300.0
    one_at_a_time: bool = False
    stores: str = ""
    log_key: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    verified: Verified | None = None


class Service:
    """One running service: loaded models, stores, numbers, and what is done in the background."""

    def __init__(self, parts: ServiceParts) -> None:
        self.lake = parts.lake
        self.log = parts.log
        self.door = parts.door
        self.now = parts.now
        self.new_id = parts.new_id
        self.one_at_a_time = parts.one_at_a_time
        self.stores = parts.stores
        self.log_key = parts.log_key
        self.metrics = Metrics()
        self.history = RestingHistory(parts.history, clock=parts.now)
        self.models = LiveModels(parts.lake, clock=parts.now, verified=parts.verified)
        self.exposures = Exposures(parts.log, self.metrics, at_once=parts.one_at_a_time)
        self.reception = Reception(
            self.history, new_id=parts.new_id, now=parts.now, on_stage=self.metrics.stage
        )
        self.background = Background(
            [
                Duty(FLUSH, FLUSH_SECONDS, self.exposures.flush),
                Duty(SETTLE, SETTLE_SECONDS, self.metrics.settle_many),
                Duty(REFRESH, parts.refresh_seconds, self.models.refresh),
                Duty(REPAIR, parts.repair_seconds, self.repair),
            ]
        )

    def load(self) -> None:
        """Load the model, so that no visitor waits for it. Never raises ours."""
        self.models.refresh()

    def start(self) -> None:
        """Begin what is done in the background, repairs at once. To start twice is once."""
        self.background.start()
        self.background.ask(REPAIR)

    def stop(self) -> None:
        """End it, and write what still waits."""
        self.background.stop()
        self.exposures.flush()

    def repair(self) -> None:
        """Add to the histories what the log has and they may lack."""
        n = repair_history(self.lake, self.log, self.history, stores=self.stores, now_ms=self.now())
        self.metrics.tell(REPAIRED, value=n)

    def live(self, version: str | None = None) -> LiveModel | None:
        """Return the model that answers: the one that serves, or the one that is named."""
        return self.models.current if version is None else self.models.pinned(version)

    def shown(self, answers: Sequence[Answer]) -> None:
        """Count the answers, and keep what visitors were shown."""
        self.metrics.count_answers(answers)
        self.exposures.add([answer.to_exposure() for answer in answers if answer.items])


def reply(fields: object, status: int = 200) -> Response:
    """Return fields as an answer: bytes, since checking them again would cost a millisecond."""
    return Response(orjson.dumps(fields), status, media_type="application/json")


def instant(time_ms: int) -> str:
    """Return a time as RFC 3339 text in UTC.

    >>> instant(1_442_545_187_788)
    '2015-09-18T02:59:47.788Z'
    """
    text = (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Return an answer as the fields of `replies.Recommendations`."""
    return {
        "recommendation_id": answer.recommendation_id,
        "model_version": answer.model_version,
        "generated_at": instant(answer.generated_at_ms),
        "items": answer.items,
        "degraded": answer.degraded,
        "ignored_events": {name: n for name, n in answer.ignored.items() if n},
    }
