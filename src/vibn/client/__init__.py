"""The SDK: drive the dev containers of a Vibn server from Python."""
