"""Reading `template.yaml`."""
