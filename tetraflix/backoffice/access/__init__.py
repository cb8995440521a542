"""Pages of who has access: API keys, staff and their roles."""
