package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// pieces are the flags of an upload that can go on where it broke off.
type pieces struct {
	resumable bool
	told      bool // resumable or presigned was given
	presigned bool
	resume    bool
	piece     int64
}

// resumableFrom is the size of a file from which on it is sent in pieces unless
// it is told otherwise.
const resumableFrom = 64 << 20

func (p *pieces) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.resumable, "resumable", false, "send the file in pieces, so that the upload can go on after a break (default: from "+terminal.Size(resumableFrom)+" on)")
	cmd.Flags().BoolVar(&p.presigned, "presigned", false, "send the file straight to the file storage, in parts at signed addresses, past the server")
	cmd.Flags().BoolVar(&p.resume, "resume", true, "go on with an upload of this file that was broken off")
	cmd.Flags().Int64Var(&p.piece, "piece-bytes", 0, "bytes of one piece (default: 64 MiB)")
}

// fit reports whether the file is sent in pieces. What is no plain file, such as a
// pipe, has neither a size nor a middle.
func (p *pieces) fit(info fs.FileInfo) bool {
	if p.presigned {
		return true
	}
	return info.Mode().IsRegular() && info.Size() > 0 && (p.told && p.resumable || !p.told && info.Size() >= resumableFrom)
}

// sendPieces uploads the file in pieces, and goes on with an upload of it that an
// earlier run has begun.
func (s *session) sendPieces(cmd *cobra.Command, c *client.Client, u client.Upload, p *pieces, file *os.File, info fs.FileInfo) (client.Accepted, error) {
	if p.piece < 0 {
		return client.Accepted{}, usage("--piece-bytes is %d; it must be positive", p.piece)
	}
	size := info.Size()
	if p.presigned && (!info.Mode().IsRegular() || size == 0) {
		return client.Accepted{}, usage("%s is no file that has a length; --presigned needs one", file.Name())
	}
	step := s.screen(cmd).Start("upload")
	r := client.Resumable{
		Upload: u, File: file, Size: size, Piece: p.piece,
		Progress: func(sent int64) {
			step.Update(terminal.Progress{Stage: "of " + terminal.Size(size), Fraction: float64(sent) / float64(size)})
		},
	}
	resumed := int64(-1)
	r.Resumed = func(at int64) { resumed = at }
	memory, err := s.memoryOf(c, u, p, file.Name(), info)
	if err != nil {
		step.Fail()
		return client.Accepted{}, err
	}
	if p.resume {
		if r.ID, err = memory.read(); err != nil {
			step.Fail()
			return client.Accepted{}, err
		}
	}
	r.Begun = memory.write
	send := c.UploadResumable
	if p.presigned {
		send = c.UploadPresigned
	}
	a, err := send(cmd.Context(), r)
	if err != nil {
		step.Fail()
		if memory.path == "" {
			return a, err
		}
		return a, fmt.Errorf("%w\nwhat has arrived is kept for a time: the same command goes on with it", err)
	}
	note := terminal.Size(size)
	if resumed >= 0 {
		note += ", resumed at " + terminal.Size(resumed)
	}
	step.Done(note)
	return a, memory.forget()
}

// memory is the file in which an upload is remembered until it is done.
type memory struct{ path, file string }

// remembered is what it holds.
type remembered struct {
	Upload string `json:"upload"` // its identifier
	File   string `json:"file"`   // for a person who looks
}

// memoryOf says where the upload of the file to the server is remembered: below
// the user's folder for state, by all that makes it this upload and no other. The
// zero memory remembers nothing.
func (s *session) memoryOf(c *client.Client, u client.Upload, p *pieces, name string, info fs.FileInfo) (memory, error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return memory{}, fmt.Errorf("find the file to upload: %w", err)
	}
	folder := s.variable("XDG_STATE_HOME")
	if home := s.variable("HOME"); !filepath.IsAbs(folder) && home != "" {
		folder = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(folder) && !p.told { // nobody asked for more than what a plain upload does
		return memory{}, nil
	}
	if !filepath.IsAbs(folder) {
		return memory{}, usage("there is nowhere to remember the upload: set XDG_STATE_HOME or HOME, or send it without --resumable and --presigned")
	}
	u.Body = nil
	is := []any{c.Address(), full, info.Size(), info.ModTime().UnixNano(), u}
	if p.presigned {
		is = append(is, "presigned")
	}
	b, err := json.Marshal(is)
	if err != nil {
		return memory{}, fmt.Errorf("remember the upload: %w", err)
	}
	sum := sha256.Sum256(b)
	return memory{filepath.Join(folder, "narrative", "uploads", hex.EncodeToString(sum[:16])+".json"), full}, nil
}

// variable returns the last value of the variable.
func (s *session) variable(name string) string {
	value := ""
	for _, pair := range s.environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// read returns the upload that was begun, or nothing. What cannot be read as it
// was written is of no use, and is written anew.
func (m memory) read() (string, error) {
	if m.path == "" {
		return "", nil
	}
	b, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("remember an upload: %w", err)
	}
	var r remembered
	_ = json.Unmarshal(b, &r) // what was not written whole names no upload
	return r.Upload, nil
}

// write remembers the upload.
func (m memory) write(id string) error {
	if m.path == "" {
		return nil
	}
	b, err := json.Marshal(remembered{Upload: id, File: m.file})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(m.path+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(m.path+".new", m.path)
	}
	if err != nil {
		return fmt.Errorf("remember the upload: %w", err)
	}
	return nil
}

// forget removes what was remembered.
func (m memory) forget() error {
	if m.path == "" {
		return nil
	}
	if err := os.Remove(m.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the upload: %w", err)
	}
	return nil
}
