"""Visitors for locust: nine reads to one event. Driven by `benchmarks.load`."""

import os
import random
import uuid
from pathlib import Path
from typing import Final

from locust import FastHttpUser, constant_throughput, task

ACKNOWLEDGED: Final = Path(os.environ["ENDCAP_LOAD_ACKNOWLEDGED"])
USERS: Final = Path(os.environ["ENDCAP_LOAD_USERS"]).read_text(encoding="utf-8").split()
ITEMS: Final = Path(os.environ["ENDCAP_LOAD_ITEMS"]).read_text(encoding="utf-8").split()
PER_SECOND: Final = float(os.environ["ENDCAP_LOAD_PER_SECOND"])


class Visitor(FastHttpUser):
    """One connection that is many visitors."""

    wait_time = constant_throughput(PER_SECOND)

    @task(6)
    def recommend(self) -> None:
        """Ask for a known user."""
        user = random.choice(USERS)  # noqa: S311 -- no secret
        self.client.get(f"/v1/users/{user}/recommendations", name="user")

    @task(2)
    def recommend_guest(self) -> None:
        """Ask for a session."""
        events = [{"item_id": item} for item in random.sample(ITEMS, 3)]
        self.client.post("/v1/recommendations", json={"events": events}, name="guest")

    @task(1)
    def similar(self) -> None:
        """Ask for items like one."""
        self.client.get(f"/v1/items/{random.choice(ITEMS)}/similar", name="similar")  # noqa: S311

    @task(1)
    def record(self) -> None:
        """Record an event, and remember it if it was acknowledged."""
        event_id = uuid.uuid4().hex
        event = {
            "event_id": event_id,
            "user_id": random.choice(USERS),  # noqa: S311
            "item_id": random.choice(ITEMS),  # noqa: S311
        }
        with self.client.post("/v1/events", json=event, name="event", catch_response=True) as done:
            if done.status_code != 200 or done.json()["accepted"] != 1:
                done.failure(f"{done.status_code}: {done.text}")
                return
        with ACKNOWLEDGED.open("a", encoding="utf-8") as file:
            file.write(event_id + "\n")
