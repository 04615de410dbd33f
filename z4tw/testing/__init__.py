"""Public helpers for testing against z4tw: an in-process server, fakes, faulty disks."""
