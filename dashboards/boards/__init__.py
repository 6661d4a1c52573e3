"""Grafana boards as Python: one source, two languages, JSON, provisioning files and publishing."""
