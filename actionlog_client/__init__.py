"""What an AI engine installs: every action it runs is on record, and the engine never waits for the record.

Imports nothing of the server and no Django.
"""
