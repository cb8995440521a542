"""A simulator of faults: many messages, many faults drawn from a seed, and a comparison with an independent model."""
