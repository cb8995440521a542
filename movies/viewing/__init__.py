"""Views: counted once, kept by month, and summed into the popularity lists."""
