"""Health: the probes, /metrics, `manage.py status`, and the state of the service behind them."""
