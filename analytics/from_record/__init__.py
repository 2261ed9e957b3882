"""Statistics that no rollup can answer, read from the rows of the record: within bounds, which every answer tells.

Twin of analytics/queries.py, which reads rollups. What is computed of the rows is in pure modules beside this package.
"""
