"""Lambda function: what the service did lately."""

__all__: list[str] = []
