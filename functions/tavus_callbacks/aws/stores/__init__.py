"""The rows and objects that the stack stores."""
