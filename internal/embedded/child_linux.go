package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// attributes make the child end when the thread that started it does, and
// keep a Ctrl-C in the terminal from it: its parent ends it in good order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}

// worksIn reports whether the process lives and its working directory is dir.
// A zombie does not count: it has none.
func worksIn(pid int, dir string) bool {
	link, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return false
	}
	resolved, err := filepath.EvalSymlinks(dir)
	return err == nil && link == resolved
}
