"""Inputs that failed in use: search."""
