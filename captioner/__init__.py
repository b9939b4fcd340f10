"""The model: photos in, sentences and likelihoods out. It knows no SQL, no HTTP and no folders."""
