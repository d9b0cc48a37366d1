"""Lambda function: batch recommendations."""

__all__: list[str] = []
