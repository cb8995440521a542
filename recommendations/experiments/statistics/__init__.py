"""The statistics of experiments, from sums of each arm: lifts and their intervals, split check, power, A/A."""
