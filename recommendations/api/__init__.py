"""A user's lists over HTTP: read by clients, corrected by the sister services."""
