"""Devices that publish JSON or bare values over MQTT by themselves."""
