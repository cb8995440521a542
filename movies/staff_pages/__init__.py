"""What the admin pages of all apps share: their base classes, the question before an act, and bars."""
