"""What was learned of such a case, and the chance that a proposed action succeeds, estimated from what was recorded.

estimate.py is the estimate, tree.py walks from large groups to small ones, shrinkage.py holds the arithmetic, traits.py
says how parameters are alike: pure functions, to which whoever asks brings the counts. tally.py and past.py read them
from rollups and rows, queries.py puts the answer together, answer.py is its shape.
"""
