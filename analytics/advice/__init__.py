"""What was learned of such a case, and the chance that a proposed action succeeds, estimated from what was recorded.

estimate.py is the estimate, tree.py walks from large groups to small ones, shrinkage.py holds the arithmetic, traits.py
says how parameters are alike: pure functions, to which whoever asks brings the counts. past.py reads rows of the
record, queries.py reads the rollups and puts the answer together, answer.py is its shape.
"""
