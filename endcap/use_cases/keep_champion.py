"""A refusal, kept with its reasons; the champion goes on serving."""

from collections.abc import Mapping
from typing import Any

from endcap.evaluation.gate import Outcome
from endcap.ports import Lake
from endcap.registry.promotion import refuse
from endcap.use_cases.champions import read_champion
from endcap.use_cases.check_gate import read_gate
from endcap.use_cases.register_model import registered
from endcap.use_cases.runs import open_run


def keep_champion(request: Mapping[str, Any], lake: Lake, *, now_ms: int) -> dict[str, Any]:
    """Record why the model of the run ``request["run_id"]`` was not promoted.

    A model that is the champion already was not refused, so nothing is recorded. `now_ms`: UTC
    epoch ms. Returns ``champion``, the version that goes on serving or None, ``outcome`` and
    ``reasons``. Raises `NotFoundError` if the run has no decision of the gate.
    """
    run = open_run(str(request["run_id"]), lake)
    candidate, gate = registered(run), read_gate(run)
    champion, _ = read_champion(lake)
    if gate["outcome"] == Outcome.KEEP:
        refusal = refuse(champion, candidate, reasons=gate["reasons"], now_ms=now_ms)
        lake.write(refusal.record_path, refusal.to_bytes())
    return {
        "champion": None if champion is None else champion.version,
        "outcome": gate["outcome"],
        "reasons": gate["reasons"],
    }
