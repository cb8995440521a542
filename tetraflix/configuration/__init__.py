"""What the environment says: variables, server URLs, the secret key, what the database must offer."""
