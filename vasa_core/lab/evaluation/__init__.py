"""Scripts that measure what the finished system does, from rendered frames."""
