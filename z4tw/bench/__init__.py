"""A load generator for any S3 endpoint: what ``z4 bench`` runs (beside the command line, L5).

It knows nothing of the server. One process is one loop over non-blocking sockets that sends
requests signed ahead of time; the parent starts such processes, merges their histograms, reports.
"""
