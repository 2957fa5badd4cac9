package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
)

const (
	benchBody    = 1200 // bytes, about a job's record
	benchCallers = 32   // for each processor
	benchBulk    = 1000
)

// Benchmark measures a driver: single calls one after another, single calls of
// many callers at once, and calls about many records. open returns an empty
// store. Each benchmark reports operations, that is records, a second.
func Benchmark(b *testing.B, open func(*testing.B) store.Driver) {
	b.Helper()
	cases := []struct {
		name string
		run  func(*testing.B, *benchmark)
	}{
		{"Insert", benchmarkInsert},
		{"InsertParallel", benchmarkInsertParallel},
		{"InsertBulk", benchmarkInsertBulk},
		{"Replace", benchmarkReplace},
		{"ReplaceParallel", benchmarkReplaceParallel},
		{"ReplaceBulk", benchmarkReplaceBulk},
		{"Get", benchmarkGet},
		{"GetParallel", benchmarkGetParallel},
		{"Find20", benchmarkFind},
		{"JobParallel", benchmarkJob},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			driver := open(b)
			if err := driver.Ensure(b.Context(), collection()); err != nil {
				b.Fatal(err)
			}
			m := &benchmark{Driver: driver, body: make([]byte, benchBody)}
			for i := range m.body {
				m.body[i] = "0123456789abcdef"[i*i%16]
			}
			m.body[0], m.body[benchBody-1] = '"', '"'
			c.run(b, m)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			b.StopTimer()
			if err := driver.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

type benchmark struct {
	store.Driver
	body []byte
	last atomic.Int64
}

// next returns a new record.
func (m *benchmark) next() store.Record {
	n := m.last.Add(1)
	id := store.NewID("p")
	return store.Record{
		ID: id, Body: m.body,
		Keys: map[string]any{"shelf": fmt.Sprint("shelf", n%10), "number": n, "title": "running", "key": id},
	}
}

func check(b *testing.B, errs []error, err error) {
	b.Helper()
	for _, e := range errs {
		if err == nil {
			err = e
		}
	}
	if err != nil {
		b.Error(err)
	}
}

func (m *benchmark) fill(b *testing.B, n int) []store.Record {
	b.Helper()
	records := make([]store.Record, n)
	for i := range records {
		records[i] = m.next()
	}
	for at := 0; at < n; at += benchBulk {
		errs, err := m.Insert(b.Context(), papers, records[at:min(at+benchBulk, n)]...)
		check(b, errs, err)
	}
	for i := range records {
		records[i].Revision = 1
	}
	return records
}

func benchmarkInsert(b *testing.B, m *benchmark) {
	b.Helper()
	for b.Loop() {
		errs, err := m.Insert(b.Context(), papers, m.next())
		check(b, errs, err)
	}
}

func benchmarkInsertParallel(b *testing.B, m *benchmark) {
	b.Helper()
	b.SetParallelism(benchCallers)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			errs, err := m.Insert(b.Context(), papers, m.next())
			check(b, errs, err)
		}
	})
}

func benchmarkInsertBulk(b *testing.B, m *benchmark) {
	b.Helper()
	b.ResetTimer()
	m.fill(b, b.N)
}

func benchmarkReplace(b *testing.B, m *benchmark) {
	b.Helper()
	r := m.fill(b, 1)[0]
	for b.Loop() {
		errs, err := m.Replace(b.Context(), papers, r)
		check(b, errs, err)
		r.Revision++
	}
}

func benchmarkReplaceParallel(b *testing.B, m *benchmark) {
	b.Helper()
	b.SetParallelism(benchCallers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		r := m.fill(b, 1)[0]
		for pb.Next() {
			errs, err := m.Replace(b.Context(), papers, r)
			check(b, errs, err)
			r.Revision++
		}
	})
}

func benchmarkReplaceBulk(b *testing.B, m *benchmark) {
	b.Helper()
	records := m.fill(b, benchBulk)
	b.ResetTimer()
	for done := 0; done < b.N; done += benchBulk {
		part := records[:min(benchBulk, b.N-done)]
		errs, err := m.Replace(b.Context(), papers, part...)
		check(b, errs, err)
		for i := range part {
			part[i].Revision++
		}
	}
}

func benchmarkGet(b *testing.B, m *benchmark) {
	b.Helper()
	records := m.fill(b, 10*benchBulk)
	i := 0
	for b.Loop() {
		i++
		_, err := m.Get(b.Context(), papers, records[i*7919%len(records)].ID)
		check(b, nil, err)
	}
}

func benchmarkGetParallel(b *testing.B, m *benchmark) {
	b.Helper()
	records := m.fill(b, 10*benchBulk)
	b.SetParallelism(benchCallers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, err := m.Get(b.Context(), papers, records[i*7919%len(records)].ID)
			check(b, nil, err)
		}
	})
}

func benchmarkFind(b *testing.B, m *benchmark) {
	b.Helper()
	m.fill(b, 10*benchBulk)
	b.SetParallelism(benchCallers)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			scan := store.Scan{Index: byShelf(), Equal: []any{fmt.Sprint("shelf", i%10)}, From: int64(i % 9000), Limit: 20}
			_, err := m.Find(b.Context(), papers, scan)
			check(b, nil, err)
		}
	})
}

// benchmarkJob does what a job asks for, as one operation: an insert, three
// times read and replace.
func benchmarkJob(b *testing.B, m *benchmark) {
	b.Helper()
	b.SetParallelism(benchCallers)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := m.next()
			errs, err := m.Insert(b.Context(), papers, r)
			check(b, errs, err)
			for range 3 {
				got, err := m.Get(b.Context(), papers, r.ID)
				check(b, nil, err)
				errs, err := m.Replace(b.Context(), papers, got)
				check(b, errs, err)
			}
		}
	})
}
