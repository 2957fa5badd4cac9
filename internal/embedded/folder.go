package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// Permissions of what holds data or secrets.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// Folder is a data folder that belongs to this process.
type Folder struct {
	path string
	file *os.File
}

// Lock creates the folder when it is missing and takes it for this process.
// The lock ends with the process, however it dies. When another process has
// it, the error is a fault of class conflict, code "data_folder_in_use", that
// names the process.
func Lock(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := os.MkdirAll(path, folderMode); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, fileMode) //nolint:gosec // the operator chooses the folder
	if err != nil {
		return nil, fmt.Errorf("open lock of data folder: %w", err)
	}
	if err := take(path, file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Folder{path: path, file: file}, nil
}

// take locks the file and writes this process into it.
func take(path string, file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner := "another process"
		if text, err := os.ReadFile(file.Name()); err == nil && len(text) > 0 {
			owner = "process " + strings.TrimSpace(string(text))
		}
		return fault.Conflict("data_folder_in_use", "the data folder %s is in use by %s; stop it or choose another folder", path, owner)
	}
	if err != nil {
		return fmt.Errorf("lock data folder %s: %w", path, err)
	}
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("write lock of data folder: %w", err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write lock of data folder: %w", err)
	}
	return nil
}

// Path returns the absolute path of the folder.
func (f *Folder) Path() string { return f.path }

// Unlock gives the folder back. The file stays: removing it would let two
// processes lock two files of one name.
func (f *Folder) Unlock() error {
	// A process that is being started has the file open, too, for a moment: the
	// lock goes with the last of them unless it is given back.
	err := syscall.Flock(int(f.file.Fd()), syscall.LOCK_UN)
	if err := errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("unlock data folder: %w", err)
	}
	return nil
}

// keep returns the secret that the file holds, or makes one and keeps it
// there, readable by the owner only.
func keep(path string) (secret.String, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of the data folder
	switch {
	case err == nil && len(text) > 0:
		return secret.New(strings.TrimSpace(string(text))), nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return secret.String{}, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	value := rand.Text()
	if err := write(path, []byte(value+"\n")); err != nil {
		return secret.String{}, err
	}
	return secret.New(value), nil
}

// write replaces the file as a whole.
func write(path string, text []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, fileMode); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
