//go:build unix && !linux

package child

import (
	"fmt"
	"os"
	"syscall"
)

// Supported reports whether a child's memory can be watched here and whether it
// ends with its worker.
const Supported = false

// attributes keep a Ctrl-C in the terminal from the child.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// sacrifice has no means here.
func sacrifice(int) {}

// Self is the file of this program.
func Self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return path, nil
}

// gauge cannot be read here: jobs are held to their memory on Linux only.
type gauge struct{}

func newGauge(int) *gauge { return &gauge{} }

func (*gauge) read() int64 { return 0 }

func (*gauge) close() {}
