"""The moments of a labelled fold, put together from their shards."""

from endcap.dataset.queries import Queries
from endcap.use_cases.runs import Run


def read_queries(run: Run, fold: str) -> Queries:
    """Return all queries of a labelled fold, in order. Raises `NotFoundError`."""
    ref = run.ref("queries")
    with run.lake.open(ref.path, only=[f"{fold}/"]) as folder:
        shards = range(ref.facts["shards"][fold])
        return Queries.concat([Queries.load(folder / fold / str(shard)) for shard in shards])
