"""Doorways of the workflow that fit into a Lambda function: ``lambdas.<verb_noun>.handler``.

A handler opens the lake that the environment names, calls one use case, and returns its facts.
"""

__all__: list[str] = []
