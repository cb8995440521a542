"""The inventory of movies: validation, changes, their history, reverting, and seeding."""
