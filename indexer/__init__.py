"""The write side: folders of photos in, rows of the catalog out.

Knows nothing of queries, of the web, or of how anything is worded on a terminal.
"""
