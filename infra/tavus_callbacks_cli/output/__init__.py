"""Text, tables and files for people and programs. Imports nothing of ours."""
