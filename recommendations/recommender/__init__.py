"""Recommendations of our own: each user's taste, the movies it is compared with, and the exact best of them."""
