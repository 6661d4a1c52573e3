"""Announcements: the dated, numbered, unchangeable statement of buildings' energy and carbon performance."""
