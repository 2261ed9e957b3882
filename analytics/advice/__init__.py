"""The chance that a proposed action succeeds, estimated from what was recorded. Pure functions, no database.

estimate.py is the estimate, tree.py walks from large groups to small ones, shrinkage.py holds the arithmetic, traits.py
says how parameters are alike. Whoever asks brings the counts.
"""
