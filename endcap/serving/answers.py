"""A slate in the shop's own ids, as every doorway hands it out."""

from typing import Any

from endcap.serving.model import ServingModel
from endcap.serving.slates import Slate


def to_items(slate: Slate, model: ServingModel) -> list[dict[str, Any]]:
    """Return one JSON object an item: item_id, rank, score, probability, interval, source."""
    return [
        {
            "item_id": model.item_ids[item.item_code],
            "rank": rank,
            "score": round(item.score, 6),
            "probability": round(item.probability, 6),
            "interval": [round(item.lower, 6), round(item.upper, 6)],
            "source": item.source,
        }
        for rank, item in enumerate(slate.items, start=1)
    ]
