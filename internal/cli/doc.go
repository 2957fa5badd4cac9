// Package cli is the command line: the client commands, the demonstration,
// and the commands that start processes, which internal/app provides.
//
// cli may import client, config, demo, secret, terminal and the libraries of
// the command line. A client command speaks HTTP only.
//
// Enter at NewRoot, NewProcess and Main.
package cli
