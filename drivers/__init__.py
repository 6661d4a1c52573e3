"""Ground floor: the vocabulary, device profiles, codecs, transports, simulators."""
