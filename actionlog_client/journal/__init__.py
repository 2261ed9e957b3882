"""The local journal: every logging call is on disk in it before the call returns."""
