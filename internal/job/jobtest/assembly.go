package jobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

// Assemble begins a file that comes in over time.
func (f *Files) Assemble(_ context.Context, key, _ string, size int64) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#assemble"); err != nil {
		return "", err
	}
	f.assemblies++
	token := fmt.Sprintf("%d.%d", size, f.assemblies)
	f.objects[unfinished(key, token)] = nil
	return token, nil
}

// unfinished is where what has arrived is kept.
func unfinished(key, token string) string { return "assembly:" + token + ":" + key }

func sizeOf(token string) int {
	text, _, _ := strings.Cut(token, ".")
	n, _ := strconv.Atoi(text)
	return n
}

func gone(key string) error { return fault.NotFound("file_not_found", "there is no file %s", key) }

// Assembled says how much is there, and whether the file has appeared.
func (f *Files) Assembled(_ context.Context, key, token string) (int64, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#assembled"); err != nil {
		return 0, false, err
	}
	if held, ok := f.objects[unfinished(key, token)]; ok {
		return int64(len(held)), false, nil
	}
	if whole, ok := f.objects[key]; ok && len(whole) == sizeOf(token) {
		return int64(len(whole)), true, nil
	}
	return 0, false, gone(key)
}

// Append adds what r gives; what came before an error of r is kept.
func (f *Files) Append(_ context.Context, key, token string, offset int64, r io.Reader) (int64, error) {
	f.mu.Lock()
	held, ok := f.objects[unfinished(key, token)]
	err := f.failure(key + "#append")
	f.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return 0, gone(key)
	case offset != int64(len(held)):
		return 0, fault.Conflict("offset_moved", "the upload is not at byte %d", offset)
	}
	came, failed := io.ReadAll(io.LimitReader(r, int64(sizeOf(token))-offset))
	f.mu.Lock()
	defer f.mu.Unlock()
	if now, ok := f.objects[unfinished(key, token)]; !ok || len(now) != len(held) {
		return 0, fault.Conflict("offset_moved", "the upload is not at byte %d", offset)
	}
	f.objects[unfinished(key, token)] = append(slices.Clip(held), came...)
	return int64(len(came)), failed
}

// Finish makes a whole file appear. It may be repeated.
func (f *Files) Finish(_ context.Context, key, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#finish"); err != nil {
		return err
	}
	held, ok := f.objects[unfinished(key, token)]
	switch {
	case !ok && len(f.objects[key]) != sizeOf(token):
		return gone(key)
	case !ok:
		return nil
	case len(held) != sizeOf(token):
		return fault.Conflict("file_incomplete", "%d of %d bytes are there", len(held), sizeOf(token))
	}
	f.objects[key] = held
	delete(f.objects, unfinished(key, token))
	return nil
}

// Abandon gives up a file that has not appeared.
func (f *Files) Abandon(_ context.Context, key, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key + "#abandon"); err != nil {
		return err
	}
	delete(f.objects, unfinished(key, token))
	return nil
}

// ErrCut is a connection that broke.
var ErrCut = errors.New("jobtest: the connection broke")

// Cut reads the text and then breaks.
func Cut(text string) io.Reader { return io.MultiReader(strings.NewReader(text), cut{}) }

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, ErrCut }
