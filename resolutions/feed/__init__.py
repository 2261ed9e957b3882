"""The live feed: one durable, ordered log of what changed, and the ways to follow it.

entries.py writes the log, queries.py reads it, hub.py wakes and feeds the followers in one web process, and
consumer.py is their WebSocket. The REST door to it is resolutions.api.live_feed.
"""
