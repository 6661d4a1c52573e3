"""Putting meters into service: look at registers, find devices, add them, compare them with the display."""
