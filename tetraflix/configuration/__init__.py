"""Configuration: environment variables, server URLs, the secret key, requirements of the database."""
