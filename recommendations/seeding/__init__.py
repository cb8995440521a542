"""Users of a demo or a benchmark: lists and preferences from a seed, and an experiment that runs among them."""
