"""What all apps share: numbers, JSON, database errors, locks, leases, retries, prepared statements, events."""
