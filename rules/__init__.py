"""Quotas, carbon, forecasts, conditions and alerts, computed from stored facts."""
