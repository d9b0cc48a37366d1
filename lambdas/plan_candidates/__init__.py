"""Lambda function: the queries to learn from and their shards."""

__all__: list[str] = []
