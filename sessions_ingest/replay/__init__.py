"""Replay of real viewing: MovieLens' files are played through the queue, and the lists' hits are measured."""
