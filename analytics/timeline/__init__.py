"""The account of one incident in order of time: what happened, what overlapped, when nothing ran, what went in circles.

account.py is pure, queries.py reads. The incident page's own placing of attempts is resolutions/timeline.py.
"""
