"""The pages of what the record teaches: statistics, confidence. They parse, read, render. The dashboard: views.py."""
