"""Where photos, captions, vectors and photo states are kept: SQL is the truth, FAISS a cache of it.

Knows nothing of torch, of captioning, or of how photos are found.
"""
