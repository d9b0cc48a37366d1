"""What callers send, by operation and by what it is an example of."""

from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = "20150918T020936-692e894b"

PATH_PARAMETERS: Final[Mapping[str, str]] = {
    "user_id": "257597",
    "item_id": "139748",
    "version": VERSION,
}

_EVENT: Final = {
    "event_id": "7f3c2e7a-1",
    "user_id": "257597",
    "item_id": "139748",
    "event_type": "view",
    "event_time": 1_442_545_187_788,
}

BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /v1/recommendations": {
        "an anonymous session": {
            "events": [
                {"item_id": "139748"},
                {"item_id": "11082", "event_type": "addtocart"},
            ],
            "k": 3,
            "in_stock": True,
        },
        "a user who has not signed in until now, with rules": {
            "user_id": "257597",
            "events": [{"item_id": "139748", "event_time": 1_442_545_187_788}],
            "k": 12,
            "exclude": ["11082"],
            "min_price": 10,
            "max_price": 250,
            "max_per_category": 3,
            "bought_window_days": 90,
            "boosts": {"26452": 0.5},
            "confidence": 0.8,
            "outcome": "transaction",
        },
        "with explanations": {"events": [{"item_id": "139748"}], "k": 1, "explain": True},
    },
    "POST /v1/recommendations/batch": {
        "a user, a guest, and an entry that is wrong": {
            "requests": [
                {"user_id": "257597", "k": 1},
                {"events": [{"item_id": "139748"}], "k": 1},
                {"k": 0},
            ]
        }
    },
    "POST /v1/rank": {
        "a page of a category, in a guest's order": {
            "events": [{"item_id": "139748"}],
            "items": ["11082", "300248", "139748", "not-in-the-model"],
        }
    },
    "POST /v1/events": {
        "one": _EVENT,
        "one, led to by an answer": {
            "event_id": "7f3c2e7a-2",
            "user_id": "257597",
            "item_id": "2962",
            "event_type": "transaction",
            "transaction_id": "3942",
            "recommendation_id": "e9e6bce9d64d4d218a40edd1cf4bbd2f",
        },
        "many": {
            "events": [
                _EVENT,
                {**_EVENT, "event_id": "7f3c2e7a-3", "event_type": "addtocart"},
                {**_EVENT, "event_id": "7f3c2e7a-4", "event_type": "purchse"},
            ]
        },
    },
    "POST /v1/models/rollback": {
        "to the one before": {"reason": "fewer orders since the promotion"},
        "to a version": {"version": VERSION, "reason": "the last one before the price change"},
    },
}
