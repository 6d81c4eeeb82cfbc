"""Driving the connections of a plan against a real server."""
