"""`simulate`: a whole shop's log, in RetailRocket's files, with the truth beside it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from endcap.errors import ConfigError
from endcap.simulator import files, truth
from endcap.simulator.bots import crawl
from endcap.simulator.catalogue import Catalogue, stock_catalogue
from endcap.simulator.category_tree import grow_category_tree
from endcap.simulator.conversions import Conversions, Funnel, Intercepts, convert, funnel
from endcap.simulator.drift import Drift, DriftPlan, plan_drift
from endcap.simulator.event_log import EventLog, record_events
from endcap.simulator.impressions import show_slates
from endcap.simulator.properties import plan_properties
from endcap.simulator.randomness import stream
from endcap.simulator.scales import Scale
from endcap.simulator.sessions import Views, plan_views
from endcap.simulator.shelf import Shelf, drift_shelf, fill_shelf
from endcap.simulator.summary import SimulationSummary, summarise
from endcap.simulator.visitors import Visitors, invite_visitors
from endcap.simulator.walk import Steps, Succession, succession, walk

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Shop:
    """What a simulated shop consists of before anything is written."""

    catalogue: Catalogue
    shelf: Shelf
    plain_shelf: Shelf
    visitors: Visitors
    views: Views
    following: Succession


@dataclass(frozen=True)
class _Conduct:
    """What the visitors did."""

    steps: Steps
    chances: Funnel
    done: Conversions
    intercepts: Intercepts


@dataclass(frozen=True)
class _Setting:
    scale: Scale
    seed: int
    plan: DriftPlan | None
    report: Progress

    def stream(self, part: str) -> np.random.Generator:
        return stream(self.seed, part)


def simulate(
    out: Path,
    *,
    scale: Scale,
    seed: int,
    drift: Drift | None = None,
    drift_at: date | None = None,
    malformed_share: float | None = None,
    on_progress: Progress | None = None,
) -> SimulationSummary:
    """Simulate a shop and write its log into the folder `out`.

    Writes ``events.csv``, ``item_properties_part1.csv``, ``item_properties_part2.csv`` and
    ``category_tree.csv`` exactly as RetailRocket does, ``impressions.csv``, and the folder
    ``truth`` (see `endcap.simulator.truth`). Same arguments, same bytes. Up to the moment of a
    drift, ``events.csv`` is the same with and without it, duplicates and malformed rows aside.

    Parameters
    ----------
    out
        Folder to write into; made if missing, files of an earlier simulation are replaced.
    scale
        How large the shop is: `endcap.simulator.scales.TINY`, `DEMO` or `RETAILROCKET`.
    seed
        Non-negative; decides everything random.
    drift, drift_at
        What changes, from when on (midnight UTC of that day). Both or neither.
    malformed_share
        Broken rows over well-formed ones, in the event and the property files; the scale's own
        share if None.
    on_progress
        Called with the name of what is being made and the share of the work that is done.

    Returns
    -------
    SimulationSummary
        What was written.

    Raises
    ------
    ConfigError
        If the drift, the seed or the share makes no sense.
    """
    if seed < 0:
        raise ConfigError(f"the seed must be 0 or more, not {seed}")
    if malformed_share is not None:
        scale = replace(scale, malformed_share=malformed_share)
    if not 0 <= scale.malformed_share < 1:
        raise ConfigError(f"malformed_share must be in [0, 1), not {scale.malformed_share}")
    plan = plan_drift(drift, drift_at, scale)
    report = on_progress or (lambda _stage, _share: None)
    report("catalogue", 0.0)
    duplicates = _duplicates(scale)
    shop = _open_shop(scale, seed, plan, int(duplicates[0]), report)
    report("views", 0.1)
    conduct = _live(shop, scale, seed, plan, duplicates)
    report("events", 0.25)
    log = record_events(
        shop.views,
        conduct.steps,
        conduct.chances,
        conduct.done,
        crawl(shop.catalogue, shop.following, scale, stream(seed, "bots")),
        duplicates,
        stream(seed, "duplicates"),
    )
    shutil.rmtree(out / "truth", ignore_errors=True)
    (out / "truth").mkdir(parents=True)
    return _write(out, _Setting(scale, seed, plan, report), shop, conduct, log)


def _duplicates(scale: Scale) -> NDArray[np.int64]:
    """Return how many duplicates there are of views, carts and transactions."""
    totals = np.array([scale.views, scale.carts, scale.transactions])
    cumulative = np.round(np.cumsum(totals) / totals.sum() * scale.duplicates)
    shares: NDArray[np.int64] = np.diff(cumulative, prepend=0).astype(np.int64)
    return shares


def _open_shop(
    scale: Scale, seed: int, plan: DriftPlan | None, duplicate_views: int, report: Progress
) -> _Shop:
    tree = grow_category_tree(scale.categories, scale.trees, stream(seed, "category_tree"))
    catalogue = stock_catalogue(tree, scale, stream(seed, "catalogue"))
    following = succession(catalogue, plan, stream(seed, "succession"))
    plain = fill_shelf(catalogue, scale, stream(seed, "shelf"))
    shelf = drift_shelf(plain, catalogue, plan, following.retired, stream(seed, "shelf drift"))
    report("visitors", 0.03)
    human_views = scale.views - scale.bots * scale.bot_views - duplicate_views
    visitors = invite_visitors(catalogue, scale, human_views, stream(seed, "visitors"))
    views = plan_views(visitors.views, scale, stream(seed, "sessions"))
    return _Shop(catalogue, shelf, plain, visitors, views, following)


def _live(
    shop: _Shop, scale: Scale, seed: int, plan: DriftPlan | None, duplicates: NDArray[np.int64]
) -> _Conduct:
    """Let the visitors walk and buy; a drifting shop takes its intercepts from a calm one."""
    intercepts = None
    if plan is not None:
        calm = replace(
            shop,
            shelf=shop.plain_shelf,
            following=succession(shop.catalogue, None, stream(seed, "succession")),
        )
        intercepts = _live(calm, scale, seed, None, duplicates).intercepts
    steps = walk(
        shop.catalogue, shop.visitors, shop.views, plan, shop.following, stream(seed, "walk")
    )
    chances = funnel(
        shop.catalogue, shop.shelf, shop.visitors, shop.views, steps, stream(seed, "funnel")
    )
    totals = (scale.carts - int(duplicates[1]), scale.transactions - int(duplicates[2]))
    done, used = convert(
        chances, shop.views, steps, totals, intercepts, stream(seed, "conversions")
    )
    return _Conduct(steps, chances, done, used)


def _write(
    out: Path, setting: _Setting, shop: _Shop, conduct: _Conduct, log: EventLog
) -> SimulationSummary:
    scale, report, catalogue = setting.scale, setting.report, shop.catalogue
    ids = setting.stream("visitor ids").permutation(len(shop.visitors) + scale.bots)
    report(files.EVENTS, 0.3)
    broken_rng = setting.stream("broken rows")
    share = scale.malformed_share
    broken = {
        files.EVENTS: files.write_events(out, log, catalogue, ids, share, broken_rng),
    }
    files.write_categories(out, catalogue.tree, setting.stream("category order"))
    shown = show_slates(
        catalogue,
        shop.views,
        conduct.steps,
        shop.following,
        scale.impressions,
        setting.stream("impressions"),
    )
    files.write_impressions(out, shown, catalogue, ids)
    rows, broken_properties = files.write_properties(
        out,
        catalogue,
        shop.shelf,
        plan_properties(catalogue, shop.shelf, scale, setting.stream("properties")),
        share,
        broken_rng,
        lambda done: report("item properties", 0.4 + 0.5 * done),
    )
    malformed = (
        len(broken[files.EVENTS].kinds),
        sum(len(part.kinds) for part in broken_properties.values()),
    )
    summary = summarise(scale, setting.seed, setting.plan, catalogue, log, shown, rows, malformed)
    report("truth", 0.95)
    _write_truth(out / "truth", shop, conduct, log, ids, summary)
    files.write_malformed(out / "truth" / "malformed.csv", broken | broken_properties)
    report("done", 1.0)
    return summary


def _write_truth(
    folder: Path,
    shop: _Shop,
    conduct: _Conduct,
    log: EventLog,
    visitor_ids: NDArray[np.int64],
    summary: SimulationSummary,
) -> None:
    truth.write_items(folder, shop.catalogue, shop.shelf, shop.following)
    truth.write_visitors(folder, shop.visitors, visitor_ids)
    truth.write_events(folder, log, conduct.done.cart_probability)
    truth.write_shop(folder, summary, conduct.intercepts)
