"""Recommendations for one visitor of the log that the champion was trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from endcap import columns as c
from endcap.ports import Lake
from endcap.serving.answers import to_items
from endcap.serving.recommend import recommend
from endcap.serving.requests import GivenEvent, GivenHistory, to_histories
from endcap.serving.slates import SlateRequest
from endcap.use_cases.champions import open_model, require_champion
from endcap.use_cases.publish_recommendations import TABLE
from endcap.use_cases.runs import CLEAN, open_run
from endcap.use_cases.text_table import text_table


@dataclass(frozen=True)
class UserAnswer:
    """The visitor, how much of it is known, and what is recommended."""

    user_id: str
    model_version: str
    events: tuple[GivenEvent, ...]
    items: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON fields."""
        return {
            "user_id": self.user_id,
            "model_version": self.model_version,
            "known_events": len(self.events),
            "items": list(self.items),
        }


def recommend_user(lake: Lake, user_id: str, *, k: int, include_seen: bool) -> UserAnswer:
    """Recommend `k` items to a visitor for the moment at which the champion's data end.

    A visitor that the log does not know gets what an empty history gets. Raises `NotFoundError` if
    there is no champion, or its log is gone from the lake.
    """
    champion = require_champion(lake)
    run = open_run(champion.run_id, lake)
    with lake.open(run.ref(CLEAN).path, only=["interactions/"]) as folder:
        events = _read_events(folder, user_id)
    with open_model(lake, champion.version) as (manifest, model):
        histories = to_histories(
            [GivenHistory(events, champion.cut_ms)], model, default_now_ms=champion.cut_ms
        )
        slate = recommend(model, histories, SlateRequest(k=k, include_seen=include_seen))[0]
        return UserAnswer(user_id, manifest.version, tuple(events), tuple(to_items(slate, model)))


def published_users(lake: Lake, *, limit: int) -> list[str]:
    """Return the first visitors of the champion's published recommendations, newest first.

    Raises `NotFoundError` if there is no champion, or its run has not published any yet.
    """
    run = open_run(require_champion(lake).run_id, lake)
    with lake.open(run.ref("recommendations").path) as folder:
        rows = ds.dataset(folder / TABLE, format="parquet").to_table(
            columns=[c.USER_ID], filter=pc.field(c.RANK) == 1
        )
    users: list[str] = rows.column(c.USER_ID).to_pylist()
    return users[:limit]


def describe_answer(answer: UserAnswer) -> str:
    """Return the answer as plain text."""
    last = ", ".join(f"{event.event_type} {event.item_id}" for event in answer.events[-3:])
    known = f"{len(answer.events)} events, last: {last}" if answer.events else "no events"
    rows = [
        [
            str(item["rank"]),
            item["item_id"],
            f"{item['probability']:.4f}",
            "[{:.2f}, {:.2f}]".format(*item["interval"]),
            item["source"],
        ]
        for item in answer.items
    ]
    head = ["rank", "item", "probability", "interval", "source"]
    return "\n".join(
        [
            f"visitor {answer.user_id} ({known})",
            f"model {answer.model_version}",
            "",
            *text_table([head, *rows], right=[0, 2]),
        ]
    )


def _read_events(clean_folder: Path, user_id: str) -> list[GivenEvent]:
    """Return all events of a visitor, oldest first, in the order of the log."""
    rows = ds.dataset(clean_folder / "interactions", format="parquet").to_table(
        columns=[c.ITEM_ID, c.EVENT_TYPE, c.EVENT_TIME], filter=pc.field(c.USER_ID) == user_id
    )
    events = map(
        GivenEvent,
        rows.column(c.ITEM_ID).to_pylist(),
        rows.column(c.EVENT_TYPE).to_pylist(),
        rows.column(c.EVENT_TIME).cast("int64").to_pylist(),
    )
    return sorted(events, key=lambda event: event.time_ms or 0)
