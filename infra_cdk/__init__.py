"""Deploys to AWS: a CDK app that knows of the rest of the code only what `state_machines` says."""
