"""CJ/T 188, the protocol of Chinese water, heat and gas meters."""
