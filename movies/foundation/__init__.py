"""What every app of the service shares: numbers, JSON, locks, leases, retries, prepared statements, events."""
