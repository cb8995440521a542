"""Pages for people: the admin's site, theme and dashboard, and the home page."""
