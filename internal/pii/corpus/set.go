package corpus

import "slices"

// Set is a part of the corpus, with what is to be known of it.
type Set struct {
	Name    string
	Note    string
	Columns []Column
}

// Sets returns all parts, from those that say least of tables of strangers to those
// that say most.
func Sets(seed uint64, rows int) []Set {
	own, later, exports, unseen := Columns(seed, rows), HeldOut(seed, rows), Exports(seed, rows), Unseen(seed, rows)
	return []Set{
		{"own", "columns that were written beside the rules", own},
		{"nameless", "the same, with names that say nothing", Nameless(own)},
		{"later", "columns that were written after the rules, which were then made broader; the first run found half", later},
		{"exports", "columns of many trades and languages, after which the rules were made broader again; the first run found 157 of 337", exports},
		{"unseen", "columns under the names of widespread programs, written when the rules were done, and left alone since", unseen},
		{"unseen-nameless", "the same, with names that say nothing", Nameless(unseen)},
		{"things", "columns without personal data of all of these, all of which are called name", called("name", without(slices.Concat(own, later, exports, unseen)))},
	}
}

// without returns the columns that hold no personal data.
func without(columns []Column) []Column {
	return slices.DeleteFunc(slices.Clone(columns), func(c Column) bool { return c.Kind != "" })
}

func called(name string, columns []Column) []Column {
	out := slices.Clone(columns)
	for i := range out {
		out[i].Name = name
	}
	return out
}
