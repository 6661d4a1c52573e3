"""DL/T 645-2007 and -1997, the protocol of Chinese electricity meters."""
