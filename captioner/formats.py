"""The picture formats that are read, by name."""

# Only formats that hold photos (MPO comes as JPEG): some others start foreign programs (EPS).
BY_PILLOW = ("JPEG", "PNG", "HEIF", "AVIF", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "PPM")
FORMATS = (*BY_PILLOW, "RAW")
