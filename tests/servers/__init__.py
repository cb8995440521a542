"""Real servers for the tests, started by the test session."""
