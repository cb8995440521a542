"""Bulk jobs: imports, exports and changes of many movies at once, run by the worker."""
