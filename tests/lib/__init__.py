"""What the wire tests and the compat suite share."""
