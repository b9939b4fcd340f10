"""The write side: folders of photos in, rows of the catalog out.

Imports neither search/ nor web/; what it does is reported as values, and worded by commands/.
"""
