"""Inputs that failed in use: files."""
