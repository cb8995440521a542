"""Movies as clients see them: JSON cached in each process, valid as of the inventory version of each request."""
