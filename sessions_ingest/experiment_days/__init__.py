"""A simulated experiment of the past: weeks of users who look, watch and rate, with a planted lift, in a minute."""
