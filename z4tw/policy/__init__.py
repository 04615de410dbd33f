"""Policy evaluation (L1): who may do what, as pure functions of a request and a bucket."""
