"""The agent beside the meters: poll, turn counters into interval energy, spool, send."""
