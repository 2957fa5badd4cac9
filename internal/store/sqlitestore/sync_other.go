//go:build !linux

package sqlitestore

import "os"

// syncData brings the file to the disk.
func syncData(file *os.File) error { return file.Sync() }
