"""What commands do, without click."""
