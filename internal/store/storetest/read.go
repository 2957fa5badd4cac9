package storetest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
)

func testFind(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("e", "a", 3, "t1"), paper("d", "a", 3, "t2"), paper("c", "a", 2, "t3"),
		paper("b", "b", 5, "t1"), paper("a", "b", 4, "t1"), paper("f", "", 0, ""))
	cases := []struct {
		name string
		scan store.Scan
		want string
	}{
		{"all", store.Scan{Index: byShelf()}, "f c d e a b"},
		{"all, descending", store.Scan{Index: byShelf(), Descending: true}, "b a e d c f"},
		{"equal", store.Scan{Index: byShelf(), Equal: []any{"a"}}, "c d e"},
		{"equal, descending", store.Scan{Index: byShelf(), Equal: []any{"a"}, Descending: true}, "e d c"},
		{"equal both", store.Scan{Index: byShelf(), Equal: []any{"a", int64(3)}}, "d e"},
		{"equal both, descending", store.Scan{Index: byShelf(), Equal: []any{"a", int64(3)}, Descending: true}, "e d"},
		{"equal to the empty string", store.Scan{Index: byShelf(), Equal: []any{""}}, "f"},
		{"nothing", store.Scan{Index: byShelf(), Equal: []any{"z"}}, ""},
		{"from", store.Scan{Index: byShelf(), Equal: []any{"a"}, From: int64(3)}, "d e"},
		{"to", store.Scan{Index: byShelf(), Equal: []any{"a"}, To: int64(3)}, "c"},
		{"from to", store.Scan{Index: byShelf(), Equal: []any{"b"}, From: int64(4), To: int64(5)}, "a"},
		{"from to, descending", store.Scan{Index: byShelf(), Equal: []any{"b"}, From: int64(4), To: int64(6), Descending: true}, "b a"},
		{"empty range", store.Scan{Index: byShelf(), Equal: []any{"b"}, From: int64(5), To: int64(5)}, ""},
		{"reversed range", store.Scan{Index: byShelf(), Equal: []any{"b"}, From: int64(6), To: int64(4)}, ""},
		{"range of the first field", store.Scan{Index: byShelf(), From: "a", To: "b"}, "c d e"},
		{"from the empty string", store.Scan{Index: byShelf(), From: "", To: "a"}, "f"},
		{"limit", store.Scan{Index: byShelf(), Limit: 2}, "f c"},
		{"limit, descending", store.Scan{Index: byShelf(), Limit: 2, Descending: true}, "b a"},
		{"one field", store.Scan{Index: byTitle(), Equal: []any{"t1"}}, "a b e"},
		{"one field from", store.Scan{Index: byTitle(), From: "t1", To: "t3"}, "a b e d"},
		{"unique", store.Scan{Index: byKey()}, "f c d e a b"},
		{"unique prefix", store.Scan{Index: byKey(), Equal: []any{"a"}}, "c d e"},
		{"unique prefix, descending", store.Scan{Index: byKey(), Equal: []any{"a"}, Descending: true}, "e d c"},
		{"unique whole", store.Scan{Index: byKey(), Equal: []any{"a", "d"}}, "d"},
		{"unique none", store.Scan{Index: byKey(), Equal: []any{"a", "a"}}, ""},
	}
	for _, c := range cases {
		got := b.find(t, c.scan)
		if ids(got) != c.want {
			t.Errorf("%s: found %q, want %q", c.name, ids(got), c.want)
		}
	}
	wantRecord(t, b.find(t, store.Scan{Index: byKey(), Equal: []any{"a", "d"}})[0], paper("d", "a", 3, "t2"), 1)
}

func testFindRefuses(t *testing.T, b *bundle) {
	t.Helper()
	undeclared := store.Index{Name: "by_other", Fields: []store.IndexField{{Name: "other"}}}
	altered := byShelf()
	altered.Fields = altered.Fields[:1]
	cases := map[string]store.Scan{
		"undeclared index":      {Index: undeclared, Limit: 1},
		"altered index":         {Index: altered, Limit: 1},
		"no limit":              {Index: byShelf()},
		"large limit":           {Index: byShelf(), Limit: store.MaxLimit + 2},
		"wrong type":            {Index: byShelf(), Equal: []any{int64(1)}, Limit: 1},
		"value not UTF-8":       {Index: byShelf(), Equal: []any{"\xff"}, Limit: 1},
		"plain int":             {Index: byShelf(), Equal: []any{"a", 1}, Limit: 1},
		"too many values":       {Index: byShelf(), Equal: []any{"a", int64(1), "x"}, Limit: 1},
		"bound of wrong type":   {Index: byShelf(), Equal: []any{"a"}, From: "x", Limit: 1},
		"bound without a field": {Index: byTitle(), Equal: []any{"a"}, To: "x", Limit: 1},
		"short position":        {Index: byShelf(), After: []any{"a"}, Limit: 1},
		"position of one more":  {Index: byTitle(), After: []any{"a", "b", "c"}, Limit: 1},
		"position of wrong type": {
			Index: byShelf(), After: []any{"a", "1", "id"}, Limit: 1,
		},
	}
	for name, scan := range cases {
		if records, err := b.Find(t.Context(), papers, scan); err == nil {
			t.Errorf("%s: found %d records", name, len(records))
		}
	}
	for _, name := range []string{"undeclared index", "wrong type", "too many values", "bound without a field"} {
		if n, err := b.Count(t.Context(), papers, cases[name], 0); err == nil {
			t.Errorf("%s: counted %d records", name, n)
		}
	}
}

// testStrings checks that strings order by their bytes, whatever they mean.
func testStrings(t *testing.T, b *bundle) {
	t.Helper()
	titles := []string{
		"", "\x00", "\x00\x00", "\x01", " ", "\"", "$set", "'", "0", "10", "2", "A", "B", "Z", "Zebra", "_", "a", "a\x00", "a\x00b",
		"a ", "aB", "aa", "ab", "b", "z", "zebra", "~", "\u007f", "\u0080", "ß", "ä", "é", "e\u0301", "Ω", "я", "中", "\uffff", "😀", "\U0010ffff", "null", "a.b",
	}
	records := make([]store.Record, len(titles))
	for i, title := range titles {
		records[i] = paper("p"+strconv.Itoa(i), "a", 0, title)
	}
	b.insert(t, records...)
	slices.Sort(titles)
	check := func(name string, scan store.Scan, want []string) {
		t.Helper()
		scan.Index, scan.Limit = byTitle(), 7
		var got []string
		for _, r := range b.walk(t, scan, func() {}) {
			got = append(got, r.Keys["title"].(string)) //nolint:forcetypeassert // a panic fails the test
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: order is\n%q, want\n%q", name, got, want)
		}
	}
	check("ascending", store.Scan{}, titles)
	for i, title := range titles {
		check(fmt.Sprintf("equal to %q", title), store.Scan{Equal: []any{title}}, []string{title})
		check(fmt.Sprintf("from %q", title), store.Scan{From: title}, titles[i:])
		check(fmt.Sprintf("below %q", title), store.Scan{To: title}, titles[:i])
	}
	slices.Reverse(titles)
	check("descending", store.Scan{Descending: true}, titles)
}

func testIntegers(t *testing.T, b *bundle) {
	t.Helper()
	numbers := []int64{
		math.MinInt64, math.MinInt64 + 1, -1 << 53, -1<<53 + 1, math.MinInt32, -1, 0, 1, 9, 10,
		math.MaxInt32, math.MaxInt32 + 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64,
	}
	for i, n := range numbers {
		b.insert(t, paper(fmt.Sprintf("p%02d", len(numbers)-i), "a", n, "x"))
	}
	check := func(name string, scan store.Scan, want []int64) {
		t.Helper()
		scan.Index, scan.Equal, scan.Limit = byShelf(), append([]any{"a"}, scan.Equal...), 3
		var got []int64
		for _, r := range b.walk(t, scan, func() {}) {
			got = append(got, r.Keys["number"].(int64)) //nolint:forcetypeassert // a panic fails the test
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: order is\n%d, want\n%d", name, got, want)
		}
	}
	check("ascending", store.Scan{}, numbers)
	for i, n := range numbers {
		check(fmt.Sprintf("equal to %d", n), store.Scan{Equal: []any{n}}, []int64{n})
		check(fmt.Sprintf("from %d", n), store.Scan{From: n}, numbers[i:])
		check(fmt.Sprintf("below %d", n), store.Scan{To: n}, numbers[:i])
	}
	slices.Reverse(numbers)
	check("descending", store.Scan{Descending: true}, numbers)
}

// testPages walks every order with every page size, with many equal values.
func testPages(t *testing.T, b *bundle) {
	t.Helper()
	const n = 60
	records := make([]store.Record, n)
	for i := range records {
		records[i] = paper(fmt.Sprintf("p%02d", (i*37)%n), []string{"a", "b", "c"}[i%3], int64(i%4), "t"+strconv.Itoa(i%2))
	}
	b.insert(t, records...)
	scans := []store.Scan{
		{Index: byShelf()},
		{Index: byShelf(), Equal: []any{"b"}},
		{Index: byShelf(), Equal: []any{"b", int64(2)}},
		{Index: byShelf(), Equal: []any{"b"}, From: int64(1), To: int64(3)},
		{Index: byShelf(), From: "b"},
		{Index: byShelf(), To: "c"},
		{Index: byTitle()},
		{Index: byTitle(), Equal: []any{"t1"}},
		{Index: byKey()},
		{Index: byKey(), Equal: []any{"c"}},
		{Index: byKey(), Equal: []any{"c"}, From: "p1", To: "p5"},
	}
	for _, scan := range scans {
		scan.Limit = 100
		forward := ids(b.find(t, scan))
		reversed := b.find(t, scan)
		slices.Reverse(reversed)
		for limit := 1; limit <= 61; limit += 4 {
			scan.Limit = limit
			scan.Descending = false
			wantIDs(t, b.walk(t, scan, func() {}), forward)
			scan.Descending = true
			wantIDs(t, b.walk(t, scan, func() {}), ids(reversed))
		}
	}
}

// testPagesBesideWriters checks that no record of before the walk is left out or
// met twice while others come and go between its pages.
func testPagesBesideWriters(t *testing.T, b *bundle) {
	t.Helper()
	const n = 200
	records := make([]store.Record, n)
	for i := range records {
		records[i] = paper(fmt.Sprintf("p%03d", i), "a", int64(i/3), "x")
	}
	b.insert(t, records...)
	for _, descending := range []bool{false, true} {
		seen := map[string]int{}
		other := 0
		got := b.walk(t, store.Scan{Index: byShelf(), Equal: []any{"a"}, Limit: 7, Descending: descending}, func() {
			for range 5 {
				other++
				name := fmt.Sprintf("q%v%03d", descending, other)
				b.insert(t, paper(name, "a", int64(other*13%70), "x"))
				if other%3 == 0 {
					must(t, b.Delete(t.Context(), papers, name, 1))
				}
			}
		})
		for _, r := range got {
			seen[r.ID]++
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("descending %v: %s was met %d times", descending, id, times)
			}
		}
		for _, r := range records {
			if seen[r.ID] != 1 {
				t.Errorf("descending %v: %s was left out", descending, r.ID)
			}
		}
	}
}

// testPositionsOutside checks that a position never widens a scan.
func testPositionsOutside(t *testing.T, b *bundle) {
	t.Helper()
	for i, shelf := range []string{"a", "b", "c"} {
		for n := range int64(5) {
			b.insert(t, paper(fmt.Sprintf("p%d%d", i, n), shelf, n, "x"))
		}
	}
	scan := store.Scan{Index: byShelf(), Equal: []any{"b"}, From: int64(1), To: int64(4)}
	cases := []struct {
		after    []any
		up, down string
	}{
		{[]any{"a", int64(2), "p02"}, "p11 p12 p13", ""},
		{[]any{"c", int64(2), "p22"}, "", "p13 p12 p11"},
		{[]any{"b", int64(0), "p10"}, "p11 p12 p13", ""},
		{[]any{"b", int64(4), "p14"}, "", "p13 p12 p11"},
		{[]any{"b", int64(math.MaxInt64), "z"}, "", "p13 p12 p11"},
		{[]any{"b", int64(math.MinInt64), ""}, "p11 p12 p13", ""},
		{[]any{"b", int64(2), "a"}, "p12 p13", "p11"},
		{[]any{"b", int64(2), "z"}, "p13", "p12 p11"},
		{[]any{"b", int64(2), "p12"}, "p13", "p11"},
	}
	for _, c := range cases {
		scan.After, scan.Descending = c.after, false
		if got := ids(b.find(t, scan)); got != c.up {
			t.Errorf("after %v: found %q, want %q", c.after, got, c.up)
		}
		scan.Descending = true
		if got := ids(b.find(t, scan)); got != c.down {
			t.Errorf("after %v, descending: found %q, want %q", c.after, got, c.down)
		}
	}
	wantIDs(t, b.find(t, store.Scan{Index: byKey(), Equal: []any{"a", "p03"}, After: []any{"a", "p03", "p02"}}), "p03")
	wantIDs(t, b.find(t, store.Scan{Index: byKey(), Equal: []any{"a", "p03"}, After: []any{"a", "p03", "p03"}}), "")
}

// testLargePages asks for more bytes than one message of a server holds.
func testLargePages(t *testing.T, b *bundle) {
	t.Helper()
	const n = 9
	body := append(append([]byte{'"'}, bytes.Repeat([]byte("b"), 6<<20)...), '"')
	for i := range n {
		r := paper("p"+strconv.Itoa(i), "a", int64(n-i), "x")
		r.Body = body
		b.insert(t, r)
	}
	got := b.find(t, store.Scan{Index: byShelf(), Equal: []any{"a"}, Limit: store.MaxLimit + 1})
	wantIDs(t, got, "p8 p7 p6 p5 p4 p3 p2 p1 p0")
	for _, r := range got {
		if !bytes.Equal(r.Body, body) {
			t.Errorf("the body of %s differs", r.ID)
		}
	}
}

func testCount(t *testing.T, b *bundle) {
	t.Helper()
	for i := range int64(10) {
		b.insert(t, paper(fmt.Sprintf("p%d", i), []string{"a", "b"}[i%2], i, "x"))
	}
	cases := []struct {
		name  string
		scan  store.Scan
		limit int64
		want  int64
	}{
		{"all", store.Scan{Index: byShelf()}, 0, 10},
		{"equal", store.Scan{Index: byShelf(), Equal: []any{"a"}}, 0, 5},
		{"limited", store.Scan{Index: byShelf(), Equal: []any{"a"}}, 3, 3},
		{"limit above", store.Scan{Index: byShelf(), Equal: []any{"a"}}, 30, 5},
		{"negative limit", store.Scan{Index: byShelf(), Equal: []any{"a"}}, -1, 5},
		{"range", store.Scan{Index: byShelf(), Equal: []any{"a"}, From: int64(2), To: int64(8)}, 0, 3},
		{"none", store.Scan{Index: byShelf(), Equal: []any{"z"}}, 0, 0},
		{"position and limit ignored", store.Scan{Index: byTitle(), After: []any{"x", "p4"}, Limit: 2}, 0, 10},
		{"unique", store.Scan{Index: byKey(), Equal: []any{"b", "p3"}, Descending: true}, 0, 1},
	}
	for _, c := range cases {
		got, err := b.Count(t.Context(), papers, c.scan, c.limit)
		if err != nil || got != c.want {
			t.Errorf("%s: counted %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}
