"""Sealed sums of the rollups: what a whole hour or day adds up to, so that a long window reads few rows.

A summary is made for a period that has ended, and removed in the transaction that changes a rollup row of that period;
what has no summary is read from the rollups themselves. So an answer is the same with summaries and without.
"""
