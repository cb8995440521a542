"""What the counted rows of an experiment say: sums of each arm, metrics, their lifts, and the verdict."""
