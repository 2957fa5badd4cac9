package drill

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

const (
	targetColumn = "churned"
	header       = "id,age,balance,rate,visits,plan,city,opened_at,active,score_a,score_b,note,churned\n"
	columns      = 13
)

// table is a CSV file that is made while it is read, line by line from random
// numbers: the same bytes for the same number of rows.
type table struct {
	rows, next int
	line       func(b []byte, row int, r *rand.Rand) []byte
	random     *rand.Rand
	reader     *bufio.Reader
	pending    []byte
	read       int64
}

func newTable(rows int, header string, line func(b []byte, row int, r *rand.Rand) []byte) *table {
	t := &table{rows: rows, line: line, random: rand.New(rand.NewPCG(1, uint64(rows))), pending: []byte(header)}
	t.reader = bufio.NewReaderSize(lines{t}, 1<<16)
	return t
}

// Read implements io.Reader.
func (t *table) Read(p []byte) (int, error) {
	n, err := t.reader.Read(p)
	t.read += int64(n)
	return n, err
}

// lines reads a table line by line.
type lines struct{ t *table }

func (l lines) Read(p []byte) (int, error) {
	if len(l.t.pending) == 0 {
		if l.t.next == l.t.rows {
			return 0, io.EOF
		}
		l.t.next++
		l.t.pending = l.t.line(l.t.pending[:0], l.t.next, l.t.random)
	}
	n := copy(p, l.t.pending)
	l.t.pending = l.t.pending[n:]
	return n, nil
}

// narrowLine appends a row of the narrow table.
func narrowLine(b []byte, row int, r *rand.Rand) []byte {
	age, balance, visits := 18+r.IntN(70), r.NormFloat64()*1000, r.IntN(40)
	plan := [...]string{"free", "basic", "pro", "team"}[r.IntN(4)]
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(1500))
	churned := "no"
	if r.Float64() < 0.1+0.4*float64(40-visits)/40 {
		churned = "yes"
	}
	b = strconv.AppendInt(b, int64(row), 10)
	b = strconv.AppendInt(append(b, ','), int64(age), 10)
	b = append(b, ',')
	if r.IntN(20) > 0 { // one in twenty is missing
		b = strconv.AppendFloat(b, balance, 'f', 2, 64)
	}
	b = strconv.AppendFloat(append(b, ','), r.Float64(), 'f', 4, 64)
	b = strconv.AppendInt(append(b, ','), int64(visits), 10)
	b = append(append(b, ','), plan...)
	b = strconv.AppendInt(append(b, ",city-"...), int64(r.IntN(200)), 10)
	b = day.AppendFormat(append(b, ','), time.DateOnly)
	b = strconv.AppendBool(append(b, ','), r.IntN(2) == 0)
	b = strconv.AppendFloat(append(b, ','), r.NormFloat64(), 'f', 5, 64)
	b = strconv.AppendFloat(append(b, ','), r.ExpFloat64(), 'f', 5, 64)
	b = strconv.AppendInt(append(b, ",\"note, number "...), int64(r.IntN(5000)), 10)
	b = append(append(b, "\","...), churned...)
	return append(b, '\n')
}

// wideColumns are those of the wide table: an identifier, numbers of both kinds
// with gaps, categories, a text, dates and truth values.
const (
	wideColumns = 28
	wideFloats  = 16
	wideInts    = 4
)

func wideHeader() string {
	names := []string{"id"}
	for i := range wideFloats {
		names = append(names, "f"+strconv.Itoa(i+1))
	}
	for i := range wideInts {
		names = append(names, "n"+strconv.Itoa(i+1))
	}
	return strings.Join(append(names, "plan", "city", "product", "opened_at", "seen_at", "active", "note"), ",") + "\n"
}

// wideLine appends a row of the wide table, some 250 bytes.
func wideLine(b []byte, row int, r *rand.Rand) []byte {
	b = strconv.AppendInt(b, int64(row), 10)
	for i := range wideFloats {
		b = append(b, ',')
		if i%4 == 2 && r.IntN(20) == 0 { // one in twenty is missing
			continue
		}
		v := r.NormFloat64()
		if i%3 == 1 {
			v = 100 * r.ExpFloat64()
		}
		b = strconv.AppendFloat(b, v, 'f', 6, 64)
	}
	for i := range wideInts {
		b = strconv.AppendInt(append(b, ','), int64(r.IntN(50<<(4*i))), 10)
	}
	b = append(append(b, ','), [...]string{"free", "basic", "pro", "team"}[r.IntN(4)]...)
	b = strconv.AppendInt(append(b, ",city-"...), int64(r.IntN(200)), 10)
	b = strconv.AppendInt(append(b, ",product "...), int64(r.IntN(20)), 10)
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(1500*24*3600)) * time.Second)
	b = at.AppendFormat(append(b, ','), time.DateOnly)
	b = at.AppendFormat(append(b, ','), time.DateTime)
	b = strconv.AppendBool(append(b, ','), r.IntN(2) == 0)
	b = strconv.AppendInt(append(b, ",\"a note, number "...), int64(r.IntN(5000)), 10)
	return append(b, '"', '\n')
}
