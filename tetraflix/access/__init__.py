"""Access control: API keys, roles, write limits and idempotent requests."""
