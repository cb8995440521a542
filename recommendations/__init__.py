"""A user's two lists, recommended and currently watching: their rules, their stores, and how they are served."""
