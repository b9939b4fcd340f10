"""The read side: a sentence in, ranked photos and their reasons out. It never writes a photo."""
