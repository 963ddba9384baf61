"""What this machine is, what surrounds a command, and what room there is."""
