"""What samples say: pure functions of records."""
