"""Who may call: API keys, roles, write limits and idempotent requests."""
