"""Template tags of the pages for staff; built in for all templates."""
