"""The CDN and its signed URLs."""
