"""What each process emits: logs, metrics, request ids, error reports."""
