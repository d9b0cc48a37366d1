"""Lambda function: a new champion."""

__all__: list[str] = []
