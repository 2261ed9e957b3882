"""What can break: programs, a database and files of the demonstration's own. Knows nothing of engines and records."""
