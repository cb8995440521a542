"""What all pages of the admin share: its site, its theme and menu, and the palette of Ctrl-K."""
