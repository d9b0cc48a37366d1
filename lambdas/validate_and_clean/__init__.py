"""Lambda function: raw log to canonical tables."""

__all__: list[str] = []
