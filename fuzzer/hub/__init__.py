"""The embedded hub: a correct, real WebSocket hub on trio-websocket, and the bugs that can be switched on in it."""
