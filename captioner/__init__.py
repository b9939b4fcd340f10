"""The captioning model: photos in, captions and log-likelihoods out.

Knows nothing of SQL, HTTP or FAISS; weights and photos are the only files it reads.
"""
