"""Access to AWS: each module wraps one service or resource, and raises StoreDown if it fails."""
