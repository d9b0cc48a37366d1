"""Lambda function: the model bundle."""

__all__: list[str] = []
