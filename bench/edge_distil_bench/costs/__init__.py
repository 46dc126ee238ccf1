"""What a model costs beside its latency: memory, cold start, long inputs."""

__all__: list[str] = []
