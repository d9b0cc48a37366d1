"""Lambda function: a batch of requests, cut into shards."""

__all__: list[str] = []
