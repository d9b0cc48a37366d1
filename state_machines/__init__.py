"""The workflows, as Amazon States Language with placeholders.

`training.asl.json` is the training workflow. `targets` is the one table from placeholder to code:
CDK makes functions and task definitions of it, `infra_local` runs it on this machine.
"""

__all__: list[str] = []
