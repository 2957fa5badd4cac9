//go:build unix && !linux

package embedded

import "syscall"

// attributes keep a Ctrl-C in the terminal from the child.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// worksIn cannot be told here; the server is asked over its port instead.
func worksIn(int, string) bool { return false }
