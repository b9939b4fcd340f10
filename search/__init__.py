"""Search: a sentence in, ranked photos and their reasons out; nothing is written to the catalog."""
