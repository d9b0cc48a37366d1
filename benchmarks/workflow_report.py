"""Time and peak memory of each state of a lake's newest run: ``workflow_report LAKE``."""

import json
import sys
from pathlib import Path


def main(lake: Path) -> None:
    """Print one line a task, slowest first, and the totals."""
    newest = max((lake / "runs").glob("*/report.json"))
    report = json.loads(newest.read_text(encoding="utf-8"))
    tasks = [state for state in report["states"] if state["peak_memory_mib"]]
    print(f"{'state':<34}{'seconds':>9}{'peak MiB':>10}")
    for state in sorted(tasks, key=lambda state: -state["seconds"]):
        name = f"{state['name']} {state['item'] or ''}"
        print(f"{name:<34}{state['seconds']:>9.1f}{state['peak_memory_mib']:>10.0f}")
    peak = max(state["peak_memory_mib"] for state in tasks)
    print(f"{'the whole run':<34}{report['seconds']:>9.1f}{peak:>10.0f}  (largest single process)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
