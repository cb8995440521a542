"""Inputs that failed in use: admin."""
