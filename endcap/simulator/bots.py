"""Visitors that are none: crawlers that look at item after item, several a second."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.scales import DAY_MS, Scale
from endcap.simulator.walk import Succession

_GAP_MS: Final = (250, 750)


def crawl(
    catalogue: Catalogue, following: Succession, scale: Scale, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return bot (0, 1, ...), time (ms) and item of every view that a bot makes.

    A bot goes through the catalogue in order of public id, from a random place on.
    """
    listed = np.flatnonzero(catalogue.weight > 0)
    listed = listed[np.argsort(catalogue.ids[listed])]
    shape = (scale.bots, scale.bot_views)
    place = rng.integers(len(listed), size=(scale.bots, 1)) + np.arange(scale.bot_views)
    begins = scale.start_ms + ((0.1 + 0.8 * rng.random((scale.bots, 1))) * scale.days * DAY_MS)
    times = begins.astype(np.int64) + np.cumsum(rng.integers(*_GAP_MS, size=shape), axis=1)
    bot = np.repeat(np.arange(scale.bots), scale.bot_views)
    time_ms = times.ravel()
    item = following.on_sale(catalogue, listed[place.ravel() % len(listed)], time_ms)
    return bot, time_ms, item
