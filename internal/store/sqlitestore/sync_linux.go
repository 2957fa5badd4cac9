package sqlitestore

import (
	"errors"
	"os"
	"syscall"
)

// syncData brings the content of the file to the disk, and of what is known
// about it only what is needed to read it again.
func syncData(file *os.File) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, failed)
}
