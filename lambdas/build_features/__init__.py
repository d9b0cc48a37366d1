"""Lambda function: one family of item-side features."""

__all__: list[str] = []
