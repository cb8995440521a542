"""Movies as clients see them, ready-made as JSON in each process, right at every request."""
