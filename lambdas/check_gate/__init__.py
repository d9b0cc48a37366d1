"""Lambda function: challenger against champion."""

__all__: list[str] = []
