"""Every feature, once: the single source of names, order, dtypes and meaning.

The feature matrix of training and serving is float32 with one column per entry of `FEATURES`, in
this order; NaN stands for what is missing. "As of the cut" means from what was known strictly
before it.
"""

from collections.abc import Iterator
from typing import Final

from endcap.features.feature import Feature, Side
from endcap.features.item_entries import ITEM_FEATURES
from endcap.features.user_entries import USER_FEATURES

SOURCE_NAMES: Final = (
    "als",
    "covisitation",
    "own",
    "popularity",
    "sequential_rules",
    "session_knn",
    "item_knn",
    "rp3beta",
    "item_walk",
    "sequence",
    "category",
    "trending",
    "cold",
)
"""The candidate sources, in the order of the columns of their scores and ranks."""
LIKENESS_NAMES: Final = ("newest", "second", "nearest", "mean")
"""What the candidate is held to by the factors of ALS, in the order of the columns."""
LIKENESS_EVENTS: Final = 10
"""How many of the newest events on items of the catalogue count for it."""
SCORES_OF_ALL: Final = {
    "als": (
        "product of the candidate's factors with the visitor's folded-in ones, whoever proposed it",
        "no item of the visitor has factors",
    ),
    "sequence": (
        "cosine of the candidate's learned vector with the visitor's, whoever proposed it",
        "the candidate has no vector, or none of the visitor's newest items has one",
    ),
}
"""What a source's score is, and when it is missing, where it scores what others propose too."""


def _sources() -> Iterator[Feature]:
    for name in SOURCE_NAMES:
        absent = f"{name} did not propose it"
        score, unknown = SCORES_OF_ALL.get(name, (f"score that {name} gave the candidate", absent))
        for column, unit, what, missing in (
            ("score", "the source's own", score, unknown),
            ("rank", "position", f"its rank among {name}'s proposals, from 1", absent),
        ):
            yield Feature(f"{name}_{column}", name, "source", unit, what, missing, window="now")


def _likeness() -> Iterator[Feature]:
    # Of events on items of the catalogue: others are left out before the newest are taken.
    unasked = "or ALS is not asked"
    none = f"the visitor touched no item of the catalogue, {unasked}"
    newest = f"{LIKENESS_EVENTS} newest known events"
    told = (
        ("those of the item of the newest known event", none),
        ("those of the item of the known event before it", f"there is no such event, {unasked}"),
        (f"those of whichever of the items of the {newest} is most like it", none),
        (f"the mean of the unit factors of the items of the {newest}", none),
    )
    for name, (those, missing) in zip(LIKENESS_NAMES, told, strict=True):
        what = f"cosine of the candidate's ALS factors with {those}; 0 without factors"
        yield Feature(f"als_cosine_{name}", "als", "source", "cosine", what, missing, window="now")


FEATURES: Final = (*ITEM_FEATURES, *USER_FEATURES, *_sources(), *_likeness())
"""All features, in the order of the matrix: item side, user side, sources, likeness."""


def names(side: Side | None = None) -> tuple[str, ...]:
    """Return the feature names of one side, or of all, in the order of the matrix.

    >>> names("source")[:2]
    ('als_score', 'als_rank')
    """
    return tuple(feature.name for feature in FEATURES if side in {None, feature.side})


def family_names(family: str) -> tuple[str, ...]:
    """Return the feature names of one family, in the order of the matrix.

    >>> family_names("decay")
    ('decayed_views', 'decayed_carts', 'decayed_purchases')
    """
    return tuple(feature.name for feature in FEATURES if feature.family == family)
