"""From any Python object to JSON that the server takes: payload.encoder.PayloadEncoder is the way in."""
