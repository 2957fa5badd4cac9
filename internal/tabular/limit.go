package tabular

// Limits bound what a reader takes from a file.
type Limits struct {
	Field     int // longest field, in bytes
	Record    int // longest record, in bytes
	Columns   int // most columns
	ChunkRows int // rows in a chunk
	ChunkSize int // bytes of a file, about, after which a chunk ends early
	Beginning int // bytes of a file, about, by which its types are guessed before all of it is read

	// What is compressed may unpack to so many bytes, and, when those are more
	// than ExpandedFree, to so many times its own size.
	Expanded      int64
	ExpandedRatio int64
	ExpandedFree  int64
}

// DefaultLimits returns fields of 1 MiB, records of 16 MiB, 10,000 columns and
// chunks of 2,048 rows: long enough that what a chunk costs does not show, short
// enough that the half dozen that are in work beside each other are small. What
// is compressed may unpack to 100 GiB, and beyond 256 MiB to 250 times its size:
// tables become 3 to 30 times smaller, bombs a thousand times and more.
func DefaultLimits() Limits {
	return Limits{
		Field: 1 << 20, Record: 16 << 20, Columns: 10_000, ChunkRows: 2048, ChunkSize: 8 << 20, Beginning: 8 << 20,
		Expanded: 100 << 30, ExpandedRatio: 250, ExpandedFree: 256 << 20,
	}
}

// chunkCells bounds the values in a chunk, so that wide tables have shorter
// chunks.
const chunkCells = 1 << 18

// orDefault returns l with defaults where it is not positive.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, p := range []struct {
		value *int
		other int
	}{
		{&l.Field, d.Field},
		{&l.Record, d.Record},
		{&l.Columns, d.Columns},
		{&l.ChunkRows, d.ChunkRows},
		{&l.ChunkSize, d.ChunkSize},
		{&l.Beginning, d.Beginning},
	} {
		if *p.value <= 0 {
			*p.value = p.other
		}
	}
	for _, p := range []struct {
		value *int64
		other int64
	}{
		{&l.Expanded, d.Expanded},
		{&l.ExpandedRatio, d.ExpandedRatio},
		{&l.ExpandedFree, d.ExpandedFree},
	} {
		if *p.value <= 0 {
			*p.value = p.other
		}
	}
	l.Record = max(l.Record, l.Field)
	return l
}

// chunkRows returns how many rows a chunk of that many columns has.
func (l Limits) chunkRows(columns int) int {
	return max(1, min(l.ChunkRows, chunkCells/max(columns, 1)))
}
