"""The other edge: what is spoken to over the internet, and is not AWS."""
