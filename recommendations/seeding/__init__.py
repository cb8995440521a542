"""Lists for users of a demo or a benchmark: generated from a seed, and written by COPY or through any store."""
