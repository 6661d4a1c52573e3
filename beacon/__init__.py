"""The `beacon` command line and the demo: a thin roof over the other folders."""
