"""The simulated experiment of the past."""
