"""The demo: twelve invented buildings, their past year and their live devices on loopback."""
