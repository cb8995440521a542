"""What can be asked from outside: probes, /metrics, status, queue depths."""
