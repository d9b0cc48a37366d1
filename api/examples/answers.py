"""What callers get, by operation and by what it is an example of."""

from collections.abc import Mapping
from typing import Any, Final

from api.examples.refusals import NOT_WHOLE, fields_of
from api.examples.requests import VERSION

_BEFORE: Final = "20150911T020412-0c41d7aa"
_ITEMS: Final = (
    {
        "item_id": "2962",
        "rank": 1,
        "score": 5.511654,
        "probability": 0.150307,
        "interval": [0.0, 0.333333],
        "source": "covisitation",
    },
    {
        "item_id": "94573",
        "rank": 2,
        "score": 4.891283,
        "probability": 0.072428,
        "interval": [0.0, 0.061171],
        "source": "sequential_rules",
    },
    {
        "item_id": "335788",
        "rank": 3,
        "score": 4.067624,
        "probability": 0.040354,
        "interval": [0.0, 0.034085],
        "source": "trending",
    },
)
_EXPLANATION: Final = {
    "features": {"views_7d": 9.0, "price": 3720.0, "same_category_as_last": 1.0, "in_cart": None},
    "contributions": {"same_category_as_last": 1.204117, "price": 0.318004, "views_7d": -0.021406},
}


def _slate(n: int, **more: object) -> dict[str, Any]:
    return {
        "recommendation_id": "e9e6bce9d64d4d218a40edd1cf4bbd2f",
        "model_version": VERSION,
        "generated_at": "2015-09-18T03:09:36.006Z",
        "items": list(_ITEMS[:n]),
        "degraded": [],
        "ignored_events": {},
        **more,
    }


_RECOMMENDATIONS: Final = {
    "items": _slate(3),
    "explained": _slate(1, items=[{**_ITEMS[0], "explanation": _EXPLANATION}]),
    "while histories are away": _slate(2, degraded=["history_unavailable"]),
}
_CHAMPION: Final = {
    "version": VERSION,
    "promoted_from": _BEFORE,
    "promoted_at": "2015-09-18T06:30:00.000Z",
}
_ESTIMATE: Final = {"mean": 0.365523, "low": 0.353101, "high": 0.378066}

ANSWERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "GET /v1/users/{user_id}/recommendations": _RECOMMENDATIONS,
    "POST /v1/recommendations": {
        **_RECOMMENDATIONS,
        "with an event whose item the model does not know": _slate(
            3, ignored_events={"unknown_items": 1}
        ),
    },
    "POST /v1/recommendations/batch": {
        "two answers and a problem": {
            "results": [
                {"status": 200, "recommendations": _slate(1)},
                {"status": 200, "recommendations": _slate(1)},
                {
                    "status": 422,
                    "problem": fields_of("", 422, "k: Input should be greater than or equal to 1"),
                },
            ]
        }
    },
    "POST /v1/rank": {"all but the unknown": _slate(3, unknown_items=["not-in-the-model"])},
    "GET /v1/trending": {
        "a week": {
            "model_version": VERSION,
            "window": "7d",
            "items": [
                {"item_id": "139748", "rank": 1, "demand": 119.0},
                {"item_id": "11082", "rank": 2, "demand": 116.0},
            ],
        }
    },
    "GET /v1/items/{item_id}/similar": {
        "two": {
            "item_id": "139748",
            "model_version": VERSION,
            "items": [
                {"item_id": "26452", "rank": 1, "score": 0.048916, "source": "als"},
                {"item_id": "465891", "rank": 2, "score": 0.048652, "source": "covisitation"},
            ],
        }
    },
    "POST /v1/events": {
        "one": {
            "accepted": 1,
            "refused": 0,
            "history": "updated",
            "results": [{"event_id": "7f3c2e7a-1", "status": "accepted", "reason": None}],
        },
        "two of three, while histories are away": {
            "accepted": 2,
            "refused": 1,
            "history": "pending",
            "results": [
                {"event_id": "7f3c2e7a-1", "status": "accepted", "reason": None},
                {"event_id": "7f3c2e7a-3", "status": "accepted", "reason": None},
                {
                    "event_id": "7f3c2e7a-4",
                    "status": "refused",
                    "reason": "event_type is none of view, addtocart, transaction",
                },
            ],
        },
    },
    "DELETE /v1/users/{user_id}": {
        "erased": {"status": "erased"},
        "histories away": {"status": "queued"},
    },
    "GET /v1/models": {
        "two": {
            "serving": VERSION,
            "problem": None,
            "models": [
                {
                    "version": VERSION,
                    "cut": "2015-09-18T02:09:36.006000+00:00",
                    "champion": True,
                    "digest": "c9ddf36ecb57f53477c67f8a08cbd3f96cab84da8f2dd040cb015be5e4d55b76",
                    "metrics": {"next_interaction/mrr@20": 0.368921, "purchases/mrr@20": 0.412203},
                    "problem": None,
                },
                {
                    "version": _BEFORE,
                    "cut": "2015-09-11T02:04:12.006000+00:00",
                    "champion": False,
                    "digest": "5b3c8d0efc1d5b1f2c7d94ac0b31a2d5a4a50fd5c7f0e41b8c7a2fba1d3c6e90",
                    "metrics": {"next_interaction/mrr@20": 0.361877, "purchases/mrr@20": None},
                    "problem": None,
                },
            ],
        }
    },
    "POST /v1/models/{version}/promote": {
        "promoted": {**_CHAMPION, "reasons": ["promoted through the API"]}
    },
    "POST /v1/models/rollback": {
        "rolled back": {
            **_CHAMPION,
            "reasons": ["rolled back: fewer orders since the promotion"],
        }
    },
    "GET /v1/monitoring/performance": {
        "shortened to one task, two systems and one metric": {
            "report": {
                "cut_ms": 1_441_937_376_006,
                "end_ms": 1_442_542_176_006,
                "n_items": 232_663,
                "n_queries": 4000,
                "n_visitors": 3513,
                "unknown_target_share": 0.1113,
                "systems": ["full_stack", "session_knn"],
                "confidence": 0.95,
                "bootstrap_samples": 1000,
                "seed": 42,
                "query_fingerprint": "089a8a8dcffb27913a222e9f5e978e3a",
                "tasks": {
                    "next_interaction": {
                        "all": {
                            "n_queries": 4000,
                            "n_visitors": 3513,
                            "systems": {
                                "full_stack": {"mrr@10": _ESTIMATE},
                                "session_knn": {
                                    "mrr@10": {"mean": 0.2007, "low": 0.1904, "high": 0.2113}
                                },
                            },
                            "differences": {
                                "session_knn": {
                                    "mrr@10": {"mean": 0.1648, "low": 0.1527, "high": 0.1771}
                                }
                            },
                        }
                    }
                },
                "anatomy": None,
            }
        }
    },
    "GET /v1/monitoring/drift": {
        "one of two columns has drifted": {
            "report": {
                "run_id": "monitoring-20150925T021500000000",
                "model_version": VERSION,
                "reference_from_ms": 1_441_937_376_006,
                "reference_to_ms": 1_442_542_176_006,
                "from_ms": 1_442_542_500_000,
                "to_ms": 1_443_147_300_000,
                "is_conclusive": True,
                "drifted_share": 0.5,
                "columns": [
                    {
                        "column": "log_price",
                        "n_reference": 98_204,
                        "n_current": 91_877,
                        "mean_reference": 8.12,
                        "mean_current": 8.61,
                        "statistic": 0.1704,
                        "p_value": 0.000012,
                        "drifted": True,
                    },
                    {
                        "column": "events_in_session",
                        "n_reference": 31_420,
                        "n_current": 29_016,
                        "mean_reference": 3.13,
                        "mean_current": 3.17,
                        "statistic": 0.0061,
                        "p_value": 0.61,
                        "drifted": False,
                    },
                ],
            }
        }
    },
    "GET /v1/monitoring/traffic": {
        "a week": {
            "report": {
                "from_ms": 1_442_542_500_000,
                "to_ms": 1_443_147_300_000,
                "events": 91_877,
                "visitors": 29_016,
                "exposures": 40_350,
                "followed_share": 0.2137,
                "shown_items": 18_254,
                "model_version": VERSION,
                "model_age_days": 6.82,
                "data_age_days": 7.01,
                "coverage_gap": -0.0043,
            }
        }
    },
    "GET /v1/health/live": {"ok": {"status": "ok"}},
    "GET /v1/health/ready": {
        "as it should be": {
            "status": "ok",
            "serving": VERSION,
            "champion": VERSION,
            "problems": [],
        },
        "a new model that does not load": {
            "status": "degraded",
            "serving": _BEFORE,
            "champion": VERSION,
            "problems": [f"{VERSION} does not load: {NOT_WHOLE}"],
        },
    },
    "GET /v1/metrics": {
        "a few of them": (
            "# HELP endcap_requests_total Requests answered.\n"
            "# TYPE endcap_requests_total counter\n"
            'endcap_requests_total{route="/v1/recommendations",status="200"} 1284.0\n'
            "# HELP endcap_model 1 for the version that serves.\n"
            "# TYPE endcap_model gauge\n"
            f'endcap_model{{version="{VERSION}"}} 1.0\n'
        )
    },
}
