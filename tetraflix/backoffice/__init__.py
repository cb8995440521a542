"""Pages for people: the admin's frame, dashboard and keys, and the home page."""
