"""A new champion, by one conditional write."""

from collections.abc import Mapping
from typing import Any

from endcap.errors import ConflictError
from endcap.ports import Lake
from endcap.registry.promotion import promote as promoted
from endcap.use_cases.champions import install_champion, read_champion
from endcap.use_cases.check_gate import read_gate
from endcap.use_cases.register_model import registered
from endcap.use_cases.runs import open_run


def promote(request: Mapping[str, Any], lake: Lake, *, now_ms: int) -> dict[str, Any]:
    """Make the model of the run ``request["run_id"]`` the champion.

    `now_ms`: UTC epoch ms. Returns ``version`` and ``promoted_from``, the version it replaced or
    None. To promote it again changes nothing. Raises `ConflictError` if the champion is no longer
    the one that the gate compared it with, `NotFoundError` if the run has no decision of the gate.
    """
    run = open_run(str(request["run_id"]), lake)
    candidate, gate = registered(run), read_gate(run)
    champion, tag = read_champion(lake)
    current = None if champion is None else champion.version
    if current not in {gate["champion"], candidate.version}:
        raise ConflictError(
            f"the champion became {current} after {candidate.version} was compared with "
            f"{gate['champion']}; run again to compare it with the new one"
        )
    record = promoted(champion, candidate, reasons=gate["reasons"], now_ms=now_ms)
    if record != champion:
        install_champion(lake, record, expected=tag)
    return {"version": record.version, "promoted_from": record.promoted_from}
