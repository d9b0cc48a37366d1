"""Examples of the OpenAPI document: loaded when it is asked for, and never to answer anything else.

``document``  adds them
``requests``  what callers send, and the ids in their paths
``answers``   what they get
``refusals``  what goes wrong, operation by operation
"""

__all__: list[str] = []
