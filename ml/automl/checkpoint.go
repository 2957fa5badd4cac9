package automl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"math"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

const (
	checkpointMagic = "NFIT"
	// checkpointVersion changes whenever the same input would give another fit.
	checkpointVersion = 2
)

// fitted is what one fit leaves.
type fitted struct {
	seconds float64
	rounds  int             // of a gbdt
	outputs []float64       // for the rows that the fit had not seen
	model   *pipeline.Model // of the fit on all training rows
}

// keeper stores and finds the fits of one call.
type keeper struct {
	store       ml.Checkpoint // may be nil
	fingerprint []byte        // of the parameters and the data
	env         preprocess.Environment
}

// within returns where a fit keeps its own parts, or nil.
func (k *keeper) within(fit string) ml.Checkpoint {
	if k.store == nil {
		return nil
	}
	return drawer{k.store, fit + "."}
}

// drawer is a part of a checkpoint, whose names begin alike.
type drawer struct {
	store  ml.Checkpoint
	prefix string
}

var _ ml.Checkpoint = drawer{}

// Load implements ml.Checkpoint.
func (d drawer) Load(ctx context.Context, name string) ([]byte, bool, error) {
	return d.store.Load(ctx, d.prefix+name)
}

// Save implements ml.Checkpoint.
func (d drawer) Save(ctx context.Context, name string, data []byte) error {
	return d.store.Save(ctx, d.prefix+name, data)
}

var errStale = errors.New("it belongs to another call or is damaged")

// load returns a stored fit. One that cannot be used counts as absent, and why
// says so.
func (k *keeper) load(ctx context.Context, name string, outputs int) (f *fitted, why string, err error) {
	if k.store == nil {
		return nil, "", nil
	}
	data, ok, err := k.store.Load(ctx, name)
	if err != nil {
		return nil, "", fmt.Errorf("load checkpoint %s: %w", name, err)
	}
	if !ok {
		return nil, "", nil
	}
	f, err = k.decode(name, data, outputs)
	if err != nil {
		return nil, fmt.Sprintf("the checkpoint %s is not used: %v", name, err), nil
	}
	return f, "", nil
}

func (k *keeper) save(ctx context.Context, name string, f *fitted) error {
	if k.store == nil {
		return nil
	}
	data, err := k.encode(name, f)
	if err != nil {
		return err
	}
	if err := k.store.Save(ctx, name, data); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", name, err)
	}
	return nil
}

func (k *keeper) encode(name string, f *fitted) ([]byte, error) {
	b := wire.AppendMagic(nil, checkpointMagic, checkpointVersion)
	b = append(b, k.fingerprint...)
	b = wire.AppendString(b, name)
	b = wire.AppendFloats(b, f.seconds)
	b = binary.LittleEndian.AppendUint32(b, uint32(f.rounds))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.outputs)))
	b = wire.AppendFloats(b, f.outputs...)
	b = binary.LittleEndian.AppendUint32(b, 0) // the length of the model, which follows
	start := len(b)
	if f.model != nil {
		model := bytes.NewBuffer(b)
		if err := artifact.Write(model, f.model); err != nil {
			return nil, err
		}
		b = model.Bytes()
	}
	binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return binary.LittleEndian.AppendUint32(b, castagnoli(b)), nil
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (k *keeper) decode(name string, b []byte, outputs int) (*fitted, error) {
	body := len(b) - 4
	if body < 0 || castagnoli(b[:body]) != binary.LittleEndian.Uint32(b[body:]) {
		return nil, errStale
	}
	r := wire.NewReader(b[:body])
	r.Magic(checkpointMagic, checkpointVersion)
	for _, want := range k.fingerprint {
		if r.Uint8() != want {
			return nil, errStale
		}
	}
	if r.String() != name {
		return nil, errStale
	}
	f := &fitted{seconds: r.Float(), rounds: int(r.Uint32())}
	f.outputs = r.Floats(r.Count(8))
	model := r.String()
	if err := r.Close(); err != nil {
		return nil, err
	}
	if len(f.outputs) != outputs {
		return nil, errStale
	}
	if model != "" {
		m, err := artifact.ReadWith(strings.NewReader(model), k.env)
		if err != nil {
			return nil, err
		}
		f.model = m
	}
	return f, nil
}

// fingerprint is a SHA-256 over everything that the fits depend on.
func fingerprint(ctx context.Context, by division, x *frame.Frame, t target) ([]byte, error) {
	h := sha256.New()
	d := digest{h: h}
	p := by.params
	d.text(string(t.Task), p.Target, p.Encoding)
	d.numbers(float64(p.Folds), p.TestFraction, float64(p.Trees))
	d.text(p.Split, p.ClassWeight)
	d.integers(int64(p.Seed), int64(p.Gap), int64(p.Window), int64(p.Repeats))
	for _, g := range by.groups {
		d.word(uint64(g))
	}
	d.integers(by.times...)
	d.preparation(p)
	if err := d.recipe(p); err != nil {
		return nil, err
	}
	if p.WeightColumn != "" { // without, the same as before there were weights
		d.text("weights")
		d.numbers(t.Weights...)
	}
	d.text(t.Classes...)
	d.numbers(t.Values...)
	for _, row := range t.rows {
		d.integers(int64(row))
	}
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d.column(c)
	}
	d.flush()
	return h.Sum(nil), nil
}

// digest writes values to a hash by the block.
type digest struct {
	h hash.Hash
	b []byte
}

func (d *digest) flush() {
	_, _ = d.h.Write(d.b) // a hash never fails
	d.b = d.b[:0]
}

func (d *digest) word(v uint64) {
	d.b = binary.LittleEndian.AppendUint64(d.b, v)
	if len(d.b) >= 1<<16 {
		d.flush()
	}
}

func (d *digest) text(list ...string) {
	d.word(uint64(len(list)))
	for _, s := range list {
		d.word(uint64(len(s)))
		d.b = append(d.b, s...)
	}
}

func (d *digest) numbers(list ...float64) {
	d.word(uint64(len(list)))
	for _, v := range list {
		d.word(math.Float64bits(v))
	}
}

func (d *digest) integers(list ...int64) {
	d.word(uint64(len(list)))
	for _, v := range list {
		d.word(uint64(v))
	}
}

func (d *digest) column(c frame.Column) {
	d.text(c.Name())
	d.word(uint64(c.Type()))
	switch c.Type() {
	case frame.Float:
		d.numbers(c.Floats()...)
	case frame.String:
		d.text(c.Dict()...)
		d.word(uint64(c.Len()))
		for _, k := range c.Codes() {
			d.word(uint64(k))
		}
	default:
		d.word(uint64(c.Len()))
		for i := range c.Len() {
			null := uint64(0)
			if c.Null(i) {
				null = 1
			}
			d.word(uint64(c.Int(i)))
			d.word(null)
		}
	}
}
