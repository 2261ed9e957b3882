"""The demonstration: a laboratory whose parts really break, and an engine that repairs them, or fails to, on record.

Built on the client package as any engine would be. Run by `python -m demonstration`.
"""
