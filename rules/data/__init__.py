"""Dated factor and limit rows, with source and confidence."""
