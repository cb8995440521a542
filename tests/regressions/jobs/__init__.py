"""Inputs that failed in use: jobs."""
