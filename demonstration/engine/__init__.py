"""The engine: what a team would build on the client package. It knows symptoms and actions, never the fault."""
