"""How the bench reaches the outside: ptys, TCP ports, Modbus lines, the network between station and centre, the disk."""
