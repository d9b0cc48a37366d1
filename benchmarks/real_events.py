"""Real events with real times: the full stack beside every baseline, with two seeds.

``endcap run`` trains on the folder's ``events.csv`` with the default settings, cut in time, once a
seed, and once more with the first seed in another lake. Shown is what the scoreboard of the first
run says about the next interaction and about purchases, repeats allowed and not, and where the
full stack does not win; then how far the seeds are apart, beside the half-width of the bootstrap
interval; then whether the run that was repeated ended with the same model. The test moments do not
depend on the seed unless there are more than `evaluation.max_queries`, or a visitor has more than
20: then other ones are drawn. Run from the project's root:

    .venv/bin/python -m benchmarks.real_events FOLDER [--work .bench/real]
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from endcap.evaluation.scoreboard import FULL_STACK, Scoreboard
from endcap.evaluation.scoreboard_text import to_text
from endcap.evaluation.tasks import (
    NEW_PURCHASES,
    NEXT_INTERACTION,
    NEXT_NEW_ITEM,
    PURCHASES,
    Task,
)

ENDCAP: Final = (sys.executable, "-c", "from infra_local.cli import main; main()")
SEEDS: Final = (42, 43)
TASKS: Final = (NEXT_INTERACTION, NEXT_NEW_ITEM, PURCHASES, NEW_PURCHASES)
METRICS: Final = ("hit_rate@20", "mrr@20", "ndcg@20")


def train(raw: Path, lake: Path, *, seed: int) -> tuple[Scoreboard, list[Mapping[str, Any]], float]:
    """Train from scratch through the command line: scoreboard, models, seconds."""
    shutil.rmtree(lake, ignore_errors=True)
    config = lake.with_suffix(".json")
    config.write_text(json.dumps({"seed": seed}), encoding="utf-8")
    started = time.perf_counter()
    subprocess.run(
        [*ENDCAP, "run", "--raw", raw, "--lake", lake, "--config", config],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    board = Scoreboard.from_json((lake / "scoreboard.json").read_text(encoding="utf-8"))
    listed = subprocess.run(
        [*ENDCAP, "models", "list", "--lake", lake, "--json"], check=True, capture_output=True
    )
    return board, json.loads(listed.stdout), seconds


def describe_task(board: Scoreboard, task: Task) -> str:
    """Return one row a system: its means, and by how much the full stack is ahead of it."""
    scores = board.scores(task.name)
    asked = f"{scores.n_queries:,} queries of {scores.n_visitors:,} visitors"
    lines = [
        f"{task.name}: {task.description}; {asked}",
        f"  {'':16}{'HR@20':>8}{'MRR@20':>8}{'NDCG@20':>9}   full stack minus it, NDCG@20",
    ]
    for system in board.systems:
        hits, reciprocal, gain = (scores.systems[system][metric].mean for metric in METRICS)
        line = f"  {system:16}{hits:8.4f}{reciprocal:8.4f}{gain:9.4f}"
        if system in scores.differences:
            ahead = scores.differences[system]["ndcg@20"]
            line += f"   {ahead.mean:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}]"
        lines.append(line)
    return "\n".join(lines)


def describe_seeds(first: Scoreboard, second: Scoreboard) -> str:
    """Return how far two seeds are apart, beside the half-width of the first one's interval."""
    lines = [f"  {'':34}{'difference':>11}{'half-width':>12}"]
    for task in TASKS:
        for metric in METRICS:
            one, other = (
                board.estimate(FULL_STACK, metric, task=task.name) for board in (first, second)
            )
            half = (one.high - one.low) / 2
            verdict = "less" if abs(other.mean - one.mean) < half else "MORE"
            name = f"{task.name} {metric}"
            lines.append(f"  {name:34}{other.mean - one.mean:+11.4f}{half:12.4f}  {verdict}")
    return "\n".join(lines)


def main() -> None:
    """Train three times, print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".bench/real"))
    arguments = parser.parse_args()
    if not (arguments.raw / "events.csv").is_file():
        parser.exit(0, f"{arguments.raw} holds no events.csv: nothing measured\n")
    arguments.work.mkdir(parents=True, exist_ok=True)
    lakes = [arguments.work / name for name in ("first", "second", "again")]
    runs = [
        train(arguments.raw, lake, seed=seed)
        for lake, seed in zip(lakes, (*SEEDS, SEEDS[0]), strict=True)
    ]
    (board, models, seconds), (other, _, _), (_, same_models, _) = runs
    print(f"{seconds:.0f} s a run\n")
    print("\n\n".join(describe_task(board, task) for task in TASKS))
    text = to_text(board)
    print("\n" + text[text.index("next_interaction by source") :])
    print(f"seeds {SEEDS[0]} and {SEEDS[1]}, the full stack")
    print(describe_seeds(board, other))
    same = [model["digest"] for model in models] == [model["digest"] for model in same_models]
    print(f"seed {SEEDS[0]} again: {'the same model, byte for byte' if same else 'ANOTHER MODEL'}")


if __name__ == "__main__":
    main()
