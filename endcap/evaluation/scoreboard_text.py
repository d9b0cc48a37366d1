"""The scoreboard as plain text for a terminal: aligned columns, and what was not won."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from endcap.evaluation.aligned_text import interval, table
from endcap.evaluation.anatomy_text import anatomy_lines
from endcap.evaluation.bootstrap import Estimate
from endcap.evaluation.metrics import ACCURACY
from endcap.evaluation.scoreboard import FULL_STACK, Scoreboard, SliceScores
from endcap.evaluation.slices import ALL, SLICES
from endcap.evaluation.tasks import NEW_ITEMS, NEXT_INTERACTION, TASKS

_METRICS = ("hit_rate", "recall", "mrr", "ndcg", "map", "coverage", "novelty", "cold")
_HEADLINE_TASKS = (NEXT_INTERACTION, NEW_ITEMS)
_SHOWN_SLICES = tuple(name for name, _ in SLICES if name != ALL)


def to_text(scoreboard: Scoreboard) -> str:
    """Return the scoreboard as text of about 100 columns.

    The two headline tasks are shown in full, with intervals, paired differences and slices; then
    what stands behind the figures; at the end, over all tasks, where the full stack does not win.
    """
    lines = [*_introduction(scoreboard), ""]
    for task in _HEADLINE_TASKS:
        if task.name in scoreboard.tasks:
            lines += [*_task(scoreboard, task.name, task.description), ""]
    if scoreboard.n_queries:
        lines += [*_other_tasks(scoreboard), ""]
    if scoreboard.anatomy is not None:
        lines += [*anatomy_lines(scoreboard.anatomy, scoreboard.confidence), ""]
    return "\n".join([*lines, *_not_won(scoreboard)]) + "\n"


def _introduction(scoreboard: Scoreboard) -> list[str]:
    """Return what was measured on what."""
    if not scoreboard.n_queries:
        return ["Nothing to measure: no visitor of the test slice came back to an item."]
    unknown = f"{scoreboard.unknown_target_share:.1%}"
    size = f"{scoreboard.n_queries:,} queries of {scoreboard.n_visitors:,} visitors"
    resamples = f"{scoreboard.bootstrap_samples:,} resamples of visitors, seed {scoreboard.seed}"
    return [
        f"Test slice {_date(scoreboard.cut_ms)} to {_date(scoreboard.end_ms)} UTC: {size}.",
        f"Ranked: all {scoreboard.n_items:,} items known before it.",
        f"Of the next items {unknown} were unknown then and count as misses.",
        f"Intervals: {scoreboard.confidence:.0%}, {resamples}.",
    ]


def _date(time_ms: int) -> str:
    """Return a time to the minute."""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _task(scoreboard: Scoreboard, task: str, description: str) -> list[str]:
    """Return the tables of one task."""
    scores = scoreboard.scores(task)
    cutoff = _cutoffs(scores)[-1:] or ["20"]
    at = cutoff[0]
    lines = [f"{task}: {description} ({scores.n_queries:,} queries)"]
    lines += table(_means(scores, scoreboard.systems))
    if scores.differences:
        lines += [
            "",
            f"full stack minus baseline, paired, with {scoreboard.confidence:.0%} interval",
        ]
        lines += table(
            _differences(scores, scoreboard.systems, [f"hit_rate@{at}", f"mrr@{at}", f"ndcg@{at}"])
        )
    lines += ["", f"ndcg@{at} by kind of visitor, the number of queries below its name"]
    return lines + table(_by_slice(scoreboard, task, f"ndcg@{at}"))


def _other_tasks(scoreboard: Scoreboard) -> list[str]:
    """Return one table of the tasks that are not shown in full: two metrics of each system."""
    others = [t for t in TASKS if t not in _HEADLINE_TASKS and t.name in scoreboard.tasks]
    shown = [task for task in others if scoreboard.scores(task.name).n_queries]
    if not shown:
        return []
    at = (_cutoffs(scoreboard.scores(shown[0].name)) or ["20"])[-1]
    metrics = [f"hit_rate@{at}", f"mrr@{at}"]
    rows = [
        ["system", *(name for task in shown for name in (task.name, ""))],
        ["", *(metric for _ in shown for metric in metrics)],
    ]
    for system in scoreboard.systems:
        found = [scoreboard.scores(task.name).systems[system] for task in shown]
        values = (_value(one.get(metric), metric) for one in found for metric in metrics)
        rows.append([system, *values])
    lines = [f"{t.name}: {t.description} ({scoreboard.scores(t.name).n_queries:,})" for t in shown]
    return [*lines, *table(rows)]


def _cutoffs(scores: SliceScores) -> list[str]:
    """Return the cut-offs that were measured, smallest first."""
    metrics = next(iter(scores.systems.values()), {})
    return sorted({name.split("@")[1] for name in metrics}, key=int)


def _means(scores: SliceScores, systems: Sequence[str]) -> list[list[str]]:
    """Return one row a system with the mean of every metric."""
    columns = [f"{metric}@{k}" for k in _cutoffs(scores) for metric in _METRICS]
    blocks = [[c for c in columns if c.endswith(f"@{k}")] for k in _cutoffs(scores)]
    rows: list[list[str]] = []
    for block in blocks:
        rows.append(["system", *block])
        rows += [
            [name, *(_value(scores.systems[name].get(metric), metric) for metric in block)]
            for name in systems
        ]
    return rows


def _differences(
    scores: SliceScores, systems: Sequence[str], metrics: Sequence[str]
) -> list[list[str]]:
    """Return one row a baseline with the paired differences and their intervals."""
    return [
        ["against", *metrics],
        *(
            [baseline, *(interval(scores.differences[baseline].get(m)) for m in metrics)]
            for baseline in systems
            if baseline in scores.differences
        ),
    ]


def _by_slice(scoreboard: Scoreboard, task: str, metric: str) -> list[list[str]]:
    """Return one row a system with its mean in each slice that has queries."""
    slices = {name: scoreboard.scores(task, name) for name in _SHOWN_SLICES}
    slices = {name: scores for name, scores in slices.items() if scores.n_queries}
    means = [
        [
            system,
            *(_value(scores.systems[system].get(metric), metric) for scores in slices.values()),
        ]
        for system in scoreboard.systems
    ]
    sizes = ["", *(f"{scores.n_queries:,}" for scores in slices.values())]
    return [["system", *slices], sizes, *means]


def _value(estimate: Estimate | None, metric: str) -> str:
    """Return a mean as text."""
    if estimate is None or math.isnan(estimate.mean):
        return "-"
    return f"{estimate.mean:.2f}" if metric.startswith("novelty") else f"{estimate.mean:.4f}"


def _not_won(scoreboard: Scoreboard) -> list[str]:
    """Return where the full stack is not ahead of a baseline, one line a task and baseline."""
    if not scoreboard.n_queries or FULL_STACK not in scoreboard.systems:
        return []
    by_pair: dict[tuple[str, str], dict[str, list[str]]] = {}
    for task, metric, baseline, difference in scoreboard.not_won():
        verdict = "behind" if difference.high < 0 else "level"
        by_pair.setdefault((task, baseline), {}).setdefault(verdict, []).append(metric)
    if not by_pair:
        return ["The full stack is ahead of every baseline on every task and metric."]
    lines = ["Where the full stack does not win (the interval of the difference is not above 0):"]
    for (task, baseline), by_verdict in by_pair.items():
        lines += [
            f"  {task} against {baseline}: {verdict} in {_listed(metrics)}"
            for verdict, metrics in by_verdict.items()
        ]
    return lines


def _listed(metrics: Sequence[str]) -> str:
    """Return metrics as text, each once with its cut-offs: ``ndcg@10,20``."""
    cutoffs: dict[str, list[str]] = {}
    for metric in metrics:
        name, k = metric.split("@")
        cutoffs.setdefault(name, []).append(k)
    if len(metrics) == len(ACCURACY) * max(map(len, cutoffs.values())):
        return "every metric"
    return " ".join(f"{name}@{','.join(ks)}" for name, ks in cutoffs.items())
