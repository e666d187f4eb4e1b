"""What `read` answers, one module a part of the contract."""
