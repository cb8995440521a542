"""Inputs that failed in use: operations."""
