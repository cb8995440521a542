"""What every HTTP request passes: instrumentation, error responses, statement timeouts."""
