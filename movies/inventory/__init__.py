"""Movies: how they change, what is valid, who changed what, and how a change is reverted."""
