"""S3's own rules, without I/O (L1): requests to calls, values to documents, listings to pages."""
