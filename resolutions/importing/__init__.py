"""Takes folders of JSON logs, one file an attempt, into the record: `manage.py import_action_logs`.

Files are read and never changed, moved or deleted. What a document is, and how it is recorded, is defined where every
other document is: resolutions.decoding and resolutions.ingest.
"""
