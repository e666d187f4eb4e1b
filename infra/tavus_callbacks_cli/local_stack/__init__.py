"""The local stack, built from `template.yaml`."""
