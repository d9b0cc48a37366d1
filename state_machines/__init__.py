"""The workflows, as Amazon States Language with placeholders.

`training.asl.json`, `monitoring.asl.json` and `batch.asl.json` are written for Lambda and ECS;
`backends` rewrites states that run elsewhere. `targets` is the one table from placeholder to code:
CDK makes functions and task definitions of it, `infra_local` runs it on this machine.
"""

__all__: list[str] = []
