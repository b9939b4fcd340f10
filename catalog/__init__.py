"""Storage of photos, captions, vectors and photo states: SQL is the truth, FAISS a cache of it.

Knows nothing of torch, of captioning, or of how photos are ranked.
"""
