"""SunSpec meters: a chain of models in the registers that says itself where everything stands."""
