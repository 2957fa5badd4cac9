package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// Supported reports whether a child's memory can be watched here and whether it
// ends with its worker.
const Supported = true

// attributes make the child end when the thread that started it does, and keep
// a Ctrl-C in the terminal from it: its worker ends it in good order.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// sacrifice makes the kernel choose the child, and not its worker, when the
// machine is out of memory: the scale goes to 1000.
func sacrifice(pid int) {
	const more = "500"

	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(more), 0o200) // it may have ended; it is a wish
}

// Self is the file of this program, even if another one lies in its place now.
func Self() (string, error) { return "/proc/self/exe", nil }

// gauge reads the memory of a process.
type gauge struct{ statm *os.File }

func newGauge(pid int) *gauge {
	f, err := os.Open(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return &gauge{} // it has ended already
	}
	return &gauge{statm: f}
}

// read returns how many bytes of memory the process has of its own: what is
// resident without the pages of files. It returns 0 when the process is gone.
func (g *gauge) read() int64 {
	if g.statm == nil {
		return 0
	}
	var buffer [128]byte
	n, _ := g.statm.ReadAt(buffer[:], 0) // an error at the end of the file, or nothing
	fields := bytes.Fields(buffer[:n])
	if len(fields) < 3 {
		return 0
	}
	resident, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	shared, err := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}

func (g *gauge) close() {
	if g.statm != nil {
		_ = g.statm.Close()
	}
}
