"""The whole stack on this machine, made from `template.yaml`."""
