package generator

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Files are a table on disk, as little-endian float32: X has a row after
// another, with the codes of categories as numbers and NaN for what is missing;
// Y has the class of each row.
type Files struct {
	X    string `json:"x"`
	Y    string `json:"y"`
	Rows int    `json:"rows"`
}

// Write makes the table and writes it to two files in the folder, whose names
// begin with name.
func Write(ctx context.Context, t Table, dir, name string) (Files, error) {
	files := Files{X: filepath.Join(dir, name+".x.f32"), Y: filepath.Join(dir, name+".y.f32"), Rows: t.Rows}
	x, err := os.Create(files.X)
	if err != nil {
		return Files{}, fmt.Errorf("write a table: %w", err)
	}
	y, err := os.Create(files.Y)
	if err != nil {
		return Files{}, errors.Join(fmt.Errorf("write a table: %w", err), x.Close())
	}
	err = Encode(ctx, t, x, y)
	if err = errors.Join(err, x.Close(), y.Close()); err != nil {
		return Files{}, fmt.Errorf("write a table: %w", err)
	}
	return files, nil
}

// Encode makes the table and writes it as Files say.
func Encode(ctx context.Context, t Table, x, y io.Writer) error {
	t = t.withDefaults()
	if err := t.check(); err != nil {
		return err
	}
	bx, by := bufio.NewWriter(x), bufio.NewWriter(y)
	workers := make([]*worker, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = &worker{maker: newMaker(t), x: make([]float32, blockRows*t.Columns), y: make([]float32, blockRows)}
	}
	blocks := (t.Rows + blockRows - 1) / blockRows
	for first := 0; first < blocks; first += len(workers) {
		if err := ctx.Err(); err != nil {
			return err
		}
		turn := workers[:min(len(workers), blocks-first)]
		var group sync.WaitGroup
		for i, w := range turn {
			rows := min(blockRows, t.Rows-(first+i)*blockRows)
			group.Go(func() { w.make(first+i, rows) })
		}
		group.Wait()
		for _, w := range turn {
			_, errX := bx.Write(w.bytesX)
			_, errY := by.Write(w.bytesY)
			if err := errors.Join(errX, errY); err != nil {
				return err
			}
		}
	}
	return errors.Join(bx.Flush(), by.Flush())
}

// worker makes a block at a time, with memory of its own.
type worker struct {
	maker          *maker
	x, y           []float32
	bytesX, bytesY []byte
}

func (w *worker) make(block, rows int) {
	x, y := w.x[:rows*w.maker.table.Columns], w.y[:rows]
	w.maker.block(block, x, y)
	w.bytesX = appendFloats(w.bytesX[:0], x)
	w.bytesY = appendFloats(w.bytesY[:0], y)
}

func appendFloats(b []byte, values []float32) []byte {
	b, err := binary.Append(b, binary.LittleEndian, values)
	if err != nil { // a slice of float32 has a fixed size
		panic(err)
	}
	return b
}
