"""Inputs that failed in use: api."""
