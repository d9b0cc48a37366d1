"""Lambda function: what monitoring found, as metrics."""

__all__: list[str] = []
