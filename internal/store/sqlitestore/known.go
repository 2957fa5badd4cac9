package sqlitestore

// knownMost is how many records of each of two generations are remembered.
const knownMost = 4096

// known remembers the revisions and the index values of the records that were
// written last: a record is mostly replaced soon after it was written, and then
// it need not be read to tell which values change. Only the writer uses it.
type known struct {
	version    int64 // of the file, as SQLite counts what other connections write
	young, old map[knownID]values
}

type knownID struct{ collection, id string }

// values are those of the fields of a record, in their order.
type values struct {
	table    *table // whose fields they are
	revision int64
	keys     []any
}

func newKnown() *known { return &known{young: map[knownID]values{}} }

// get returns what is known of the record.
func (k *known) get(t *table, id string) (values, bool) {
	at := knownID{t.collection.Name, id}
	v, ok := k.young[at]
	if !ok {
		v, ok = k.old[at]
	}
	return v, ok && v.table == t // another declaration has other fields
}

// put takes note of a record that was written.
func (k *known) put(t *table, id string, v values) {
	if len(k.young) >= knownMost {
		k.young, k.old = make(map[knownID]values, knownMost), k.young
	}
	v.table = t
	k.young[knownID{t.collection.Name, id}] = v
}

// forget drops a record.
func (k *known) forget(t *table, id string) {
	at := knownID{t.collection.Name, id}
	delete(k.young, at)
	delete(k.old, at)
}

// clear drops everything, since what was written is not there, or is not all.
func (k *known) clear() { k.young, k.old = map[knownID]values{}, nil }

// at tells the version of the file at the start of a transaction.
func (k *known) at(version int64) {
	if version != k.version {
		k.clear()
	}
	k.version = version
}
