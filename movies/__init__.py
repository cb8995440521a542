"""The inventory: movies and their genre profiles, views and popularity, search, and the change feed."""
