"""Videos, replicas and other resources with a status."""
