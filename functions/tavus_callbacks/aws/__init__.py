"""The edges: each module owns one AWS resource and speaks of it in the domain's words."""
