"""The server: its process, and the door through which every request goes."""
