"""The way from the journal to the server: documents, batches, retries."""
