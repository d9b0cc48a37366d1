"""What runs inside a container task's process: ``python -m infra_local.task_worker MODULE PIPE``.

Runs the container's entry point as ``python -m MODULE`` would.
"""

import runpy
import sys

from infra_local.parent_watch import end_with_parent


def main(arguments: list[str]) -> None:
    """Run the entry point; it ends the process with its own exit code."""
    module, pipe = arguments[0], int(arguments[1])
    end_with_parent(pipe)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
