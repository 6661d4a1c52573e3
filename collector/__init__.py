"""The data centre: take batches, store them, acknowledge, roll up by local day and month."""
