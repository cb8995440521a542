"""What every HTTP request passes: the RSGI application, instrumentation, error responses, statement timeouts."""
