"""Deploys the workflow to this machine: the same ASL files, our code as their functions and tasks.

`execution` runs a state machine and returns what happened. `machine` reads its definition and
targets. `moto_seam` is the only module that knows moto's Step Functions interpreter. Each
invocation is a process of its own: `worker_pool` starts and reaps it in a `scratch` folder,
`lambda_runtime` and `container_runtime` turn its end into the answer that AWS would give,
`lambda_worker` and `task_worker` are what runs inside it (with `parent_watch`). `journal` turns
what happens into `records`, and `progress` shows them. `cli` and `runs` are the command line.
"""

__all__: list[str] = []
