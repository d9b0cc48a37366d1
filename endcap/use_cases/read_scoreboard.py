"""How the newest evaluation of a lake came out."""

from endcap.errors import NotFoundError
from endcap.evaluation.scoreboard import Scoreboard
from endcap.ports import Lake
from endcap.use_cases.lake_layout import LATEST_SCOREBOARD


def read_scoreboard(lake: Lake) -> Scoreboard:
    """Return the scoreboard of the run that finished an evaluation last.

    Raises `NotFoundError` if no run has.
    """
    found = lake.read(LATEST_SCOREBOARD)
    if found is None:
        raise NotFoundError(
            f"no scoreboard in {lake.uri}; run `endcap run --lake {lake.uri}` first"
        )
    return Scoreboard.from_json(found.data.decode())
