"""The pages of what the record teaches: statistics, confidence. They parse, read, and render. The dashboard: views.py."""
