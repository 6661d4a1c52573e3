"""Quota schemes as data."""
