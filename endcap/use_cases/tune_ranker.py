"""The ranker's parameters, searched within the ranking fold."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from endcap.dataset.queries import Queries
from endcap.features.item_table import ItemTable
from endcap.ports import Lake
from endcap.ranking.later_slice import LaterSlice
from endcap.ranking.table import RankingTable, concat_tables
from endcap.ranking.tuning import TuningResult
from endcap.ranking.tuning import tune_ranker as search
from endcap.retrieval.union import Candidates
from endcap.use_cases.clean_log import read_event_types
from endcap.use_cases.fingerprints import fingerprint
from endcap.use_cases.folds import RANKING
from endcap.use_cases.labelled_folds import shard_refs
from endcap.use_cases.lake_journal import LakeJournal
from endcap.use_cases.runs import CLEAN, Run, StepRef, open_run

STUDY: Final = "ranker"
LATER_SHARE: Final = 0.2
"""The newest moments of the window, which decide between what was found and the defaults."""
LATER_AT_MOST: Final = 4000
_BUDGET: Final = ("trials", "tuning_minutes")


def tune_ranker(
    request: Mapping[str, Any], lake: Lake, *, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Search the ranker's parameters for the run ``request["run_id"]``.

    Each finished trial is kept in the lake, so that a search that was killed goes on, and one with
    a larger budget too. Returns what `TuningResult.facts` does. Raises `NotFoundError` if there is
    no such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    config, shards = run.config, shard_refs(run, RANKING)
    ranking = config.ranking.model_dump(mode="json")
    params = {"ranking": ranking, "seed": config.seed, "threads": config.threads}
    inputs = [*shards, run.ref(CLEAN), run.ref("queries"), run.ref("items")]

    def compute(out: Path) -> dict[str, Any]:
        # What a trial scores does not depend on how many there may be.
        unbounded = {key: value for key, value in ranking.items() if key not in _BUDGET}
        key = fingerprint(
            STUDY,
            rooms=["dataset", "features", "ranking", "retrieval", "tuning"],
            params={**params, "ranking": unbounded},
            inputs=[ref.digest for ref in inputs],
        )
        result = _search(run, shards, LakeJournal(lake, STUDY, key), clock)
        (out / "tuning.json").write_text(result.to_json(), encoding="utf-8")
        return result.facts()

    ref = run.perform(
        "tuning",
        rooms=["dataset", "features", "ranking", "retrieval", "tuning"],
        params=params,
        inputs=inputs,
        compute=compute,
    )
    return {**ref.facts, "reused": ref.reused}


def load_table(run: Run, shards: Sequence[StepRef]) -> RankingTable:
    """Return the whole ranking table, from the steps that hold its shards, in order."""
    with ExitStack() as stack:
        folders = [
            stack.enter_context(run.lake.open(shard.path, only=["table/"])) for shard in shards
        ]
        tables = [RankingTable.load(folder / "table") for folder in folders]
        return concat_tables(tables, [shard.facts["queries"] for shard in shards])


def _search(
    run: Run, shards: Sequence[StepRef], journal: LakeJournal, clock: Callable[[], float]
) -> TuningResult:
    config = run.config
    queries = sum(shard.facts["queries"] for shard in shards)
    first_later = queries - min(round(LATER_SHARE * queries), LATER_AT_MOST)
    with _later_slice(run, shards, first_later) as later:
        return search(
            load_table(run, shards).before(first_later),
            later,
            config=config.ranking,
            journal=journal,
            seed=config.seed,
            threads=config.threads,
            clock=clock,
        )


@contextmanager
def _later_slice(run: Run, shards: Sequence[StepRef], first: int) -> Iterator[LaterSlice]:
    """Give the moments from number `first` on, with all their candidates."""
    parts: list[tuple[Queries, Candidates]] = []
    lake, start = run.lake, 0
    with lake.open(run.ref("queries").path, only=[f"{RANKING}/"]) as folder:
        for number, shard in enumerate(shards):
            count = shard.facts["queries"]
            if start + count > first or shard is shards[-1]:
                rows = (max(first - start, 0), count)
                queries = Queries.load(folder / RANKING / str(number)).slice(*rows)
                with lake.open(shard.path) as candidates:
                    parts.append((queries, Candidates.load(candidates).slice(*rows)))
            start += count
    with lake.open(run.ref("items").path, only=[f"{RANKING}/"]) as folder:
        yield LaterSlice(
            Queries.concat([queries for queries, _ in parts]),
            Candidates.concat([candidates for _, candidates in parts]),
            ItemTable.load(folder / RANKING),
            run.config.features,
            read_event_types(run).weight_array(),
        )
