"""Verdicts: what somebody found out about an attempt or a resolution attempt. Did it really work?

giving.py is their only writer, and with recount.py the only one of the columns verdict and verdict_at.
"""
