"""The HTTP front (L4): channel, requests, resources, the one responder, metrics, TLS."""
