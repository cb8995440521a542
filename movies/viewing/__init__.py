"""Views: counted once, stored in monthly partitions, and summed into the popularity lists."""
