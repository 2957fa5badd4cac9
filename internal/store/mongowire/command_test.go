package mongowire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongowire"
)

func newDoc() *mongowire.Doc { return mongowire.NewDoc() }

// stored is a document as clients store it.
func stored(id string, revision int64) *mongowire.Doc {
	return newDoc().Text("_id", id).Long("rev", revision).
		Open("k").Text("owner", "ann").Long("stars", 1).Close().Text("body", "{}")
}

func insertOp(id string) []byte {
	doc := stored(id, 1).Close().Raw()
	op := newDoc().Int("insert", 0)
	return embed(op, "document", doc)
}

// embed ends the document with an embedded one.
func embed(d *mongowire.Doc, name string, doc []byte) []byte {
	raw := append([]byte(nil), d.Close().Raw()...)
	raw = append(raw[:len(raw)-1], 3)
	raw = append(raw, name...)
	raw = append(raw, 0)
	raw = append(append(raw, doc...), 0)
	raw[0], raw[1] = byte(len(raw)), byte(len(raw)>>8)
	return raw
}

// filled is a bundle with a collection and one record.
func filled(tb testing.TB, cfg mongowire.Config) *bundle {
	tb.Helper()
	b := setup(tb, cfg)
	if err := b.driver.Ensure(tb.Context(), notes()); err != nil {
		tb.Fatal(err)
	}
	b.server = mongowire.New(b.driver, cfg)
	r := store.Record{ID: "n1", Keys: map[string]any{"owner": "ann", "stars": int64(3)}, Body: []byte(`{"x":1}`)}
	if errs, err := b.driver.Insert(tb.Context(), "notes", r); err != nil || errs[0] != nil {
		tb.Fatal(errs, err)
	}
	return b
}

func (b *bundle) answer(tb testing.TB, message []byte) []byte {
	tb.Helper()
	reply, err := b.server.Answer(tb.Context(), bytes.NewReader(message))
	if err != nil {
		tb.Fatal(err)
	}
	return reply
}

const hint = "by_owner__si"

func findCommand() *mongowire.Doc {
	return command("find", "notes").Text("hint", hint).Int("limit", 5).
		Open("sort").Int("k.owner", 1).Int("k.stars", 1).Int("_id", 1).Close()
}

func TestUnknownCommands(t *testing.T) {
	t.Parallel()
	b := filled(t, mongowire.Config{WireVersion: 21})
	for _, name := range []string{
		"findAndModify", "mapReduce", "dropDatabase", "drop", "eval", "distinct", "startTransaction", "commitTransaction", "buildInfo",
		"serverStatus", "listCollections", "listDatabases", "saslStart", "getParameter", "FIND", "bulkWrite", "renameCollection", "endSessions",
	} {
		code, text, err := mongowire.ReplyCode(b.answer(t, msg(command(name, "notes").Close().Raw(), "")))
		if code != 59 || err != nil || !strings.Contains(text, "'"+name+"'") {
			t.Errorf("%s: code %d, %q, %v", name, code, text, err)
		}
	}
}

// refusedForm is a message and the code of its refusal.
type refusedForm struct {
	message []byte
	code    int64
}

func TestRefusedForms(t *testing.T) {
	t.Parallel()
	b := filled(t, mongowire.Config{})
	for _, cases := range []map[string]refusedForm{refusedCommands(), refusedFinds(), refusedReads(), refusedInserts(), refusedUpdates(), refusedIndexes()} {
		for name, c := range cases {
			code, text, err := mongowire.ReplyCode(b.answer(t, c.message))
			if err != nil || code != c.code || text == "" {
				t.Errorf("%s: code %d, %q, %v, want code %d", name, code, text, err, c.code)
			}
		}
	}
	r, err := b.driver.Get(t.Context(), "notes", "n1")
	if err != nil || r.Revision != 1 {
		t.Errorf("after all this: %+v, %v", r, err)
	}
}

func filter(d *mongowire.Doc) []byte { return d.Close().Close().Raw() }

func insert() *mongowire.Doc { return command("insert", "notes").Bool("ordered", false) }

func update() *mongowire.Doc { return command("update", "notes").Bool("ordered", false) }

func remove() *mongowire.Doc { return command("delete", "notes") }

func bulk() *mongowire.Doc {
	return newDoc().Int("bulkWrite", 1).Text("$db", "admin").Bool("ordered", false).Bool("errorsOnly", false)
}

func index(name string) *mongowire.Doc {
	return command("createIndexes", "notes").List("indexes").Open("0").Text("name", name)
}

func pipeline() *mongowire.Doc {
	return command("aggregate", "notes").Text("hint", hint).List("pipeline")
}

func match() *mongowire.Doc { return newDoc().Open("q").Text("_id", "n1").Long("rev", 1).Close() }

func refusedCommands() map[string]refusedForm {
	return map[string]refusedForm{
		"other database":      {msg(newDoc().Text("find", "notes").Text("$db", "other").Close().Raw(), ""), 13},
		"no database":         {msg(newDoc().Text("find", "notes").Close().Raw(), ""), 2},
		"admin find":          {msg(newDoc().Text("find", "notes").Text("$db", "admin").Close().Raw(), ""), 13},
		"unknown field":       {msg(command("find", "notes").Int("skip", 1).Close().Raw(), ""), 40415},
		"session":             {msg(command("find", "notes").Open("lsid").Close().Close().Raw(), ""), 40415},
		"transaction":         {msg(command("find", "notes").Long("txnNumber", 1).Close().Raw(), ""), 40415},
		"repeated field":      {msg(command("find", "notes").Text("hint", "a").Text("hint", "b").Close().Raw(), ""), 40415},
		"time limit":          {msg(command("ping", "x").Int("maxTimeMS", -1).Close().Raw(), ""), 2},
		"foreign sequence":    {msg(insert().Close().Raw(), "updates", stored("x", 1).Close().Raw()), 40415},
		"unknown collection":  {msg(command("find", "others").Close().Raw(), ""), 26},
		"collection a number": {msg(newDoc().Int("find", 1).Text("$db", "narrative").Close().Raw(), ""), 2},
		"list of unknown":     {msg(command("listIndexes", "others").Close().Raw(), ""), 26},
	}
}

func refusedFinds() map[string]refusedForm {
	return map[string]refusedForm{
		"find without filter": {msg(command("find", "notes").Close().Raw(), ""), 2},
		"find by body":        {msg(filter(command("find", "notes").Open("filter").Text("body", "x")), ""), 2},
		"find by number":      {msg(filter(command("find", "notes").Open("filter").Int("_id", 1)), ""), 2},
		"find by numbers":     {msg(filter(command("find", "notes").Open("filter").Open("_id").List("$in").Int("0", 1).Close().Close()), ""), 2},
		"find by none":        {msg(filter(command("find", "notes").Open("filter").Open("_id").List("$in").Close().Close()), ""), 2},
		"find by all but":     {msg(filter(command("find", "notes").Open("filter").Open("_id").List("$nin").Text("0", "a").Close().Close()), ""), 2},
		"find some, limited":  {msg(filter(command("find", "notes").Int("limit", 1).Open("filter").Open("_id").List("$in").Text("0", "a").Close().Close()), ""), 2},
		"projection": {msg(filter(command("find", "notes").Open("projection").Int("body", 1).Close().
			Open("filter").Text("_id", "x")), ""), 2},
		"sorted projection":  {msg(filter(findCommand().Open("projection").Int("_id", 1).Close().Open("filter")), ""), 2},
		"filter on body":     {msg(filter(findCommand().Open("filter").Text("body", "x")), ""), 2},
		"gap in fields":      {msg(filter(findCommand().Open("filter").Long("k.stars", 1)), ""), 2},
		"operator":           {msg(filter(findCommand().Open("filter").Open("k.owner").Text("$ne", "x").Close()), ""), 2},
		"small integer":      {msg(filter(findCommand().Open("filter").Text("k.owner", "x").Int("k.stars", 1)), ""), 2},
		"empty bounds":       {msg(filter(findCommand().Open("filter").Open("k.owner").Close()), ""), 2},
		"bound twice":        {msg(filter(findCommand().Open("filter").Open("k.owner").Text("$lt", "x").Text("$lt", "y").Close()), ""), 2},
		"bounds in between":  {msg(filter(findCommand().Open("filter").Open("k.owner").Text("$lt", "x").Close().Long("k.stars", 1)), ""), 2},
		"type of a value":    {msg(filter(findCommand().Open("filter").Long("k.owner", 1)), ""), 1},
		"or":                 {msg(filter(findCommand().Open("filter").List("$or").Close()), ""), 2},
		"position alone":     {msg(filter(findCommand().Open("filter").Open("_id").Text("$gt", "x").Close()), ""), 2},
		"position otherwise": {msg(filter(findCommand().Open("filter").Text("k.owner", "a").Long("k.stars", 1).Open("_id").Text("$gte", "x").Close()), ""), 2},
		"position backwards": {msg(filter(findCommand().Open("filter").Text("k.owner", "a").Long("k.stars", 1).Open("_id").Text("$lt", "x").Close()), ""), 2},
		"position a number":  {msg(filter(findCommand().Open("filter").Text("k.owner", "a").Long("k.stars", 1).Open("_id").Int("$gt", 1).Close()), ""), 2},
		"no hint": {msg(filter(command("find", "notes").Int("limit", 5).
			Open("sort").Int("k.owner", 1).Int("k.stars", 1).Int("_id", 1).Close().Open("filter")), ""), 2},
		"unknown hint": {msg(filter(command("find", "notes").Int("limit", 5).Text("hint", "x").
			Open("sort").Int("k.owner", 1).Close().Open("filter")), ""), 2},
		"other sort": {msg(filter(command("find", "notes").Int("limit", 5).Text("hint", hint).
			Open("sort").Int("k.owner", 1).Int("k.stars", -1).Int("_id", 1).Close().Open("filter")), ""), 2},
		"sort of two": {msg(filter(command("find", "notes").Int("limit", 5).Text("hint", hint).
			Open("sort").Int("k.owner", 2).Int("k.stars", 2).Int("_id", 2).Close().Open("filter")), ""), 2},
		"sort a text": {msg(filter(command("find", "notes").Int("limit", 5).Text("hint", hint).Text("sort", "x").Open("filter")), ""), 2},
		"no limit": {msg(filter(command("find", "notes").Text("hint", hint).
			Open("sort").Int("k.owner", 1).Int("k.stars", 1).Int("_id", 1).Close().Open("filter")), ""), 2},
		"fractional limit": {msg(filter(command("find", "notes").Float("limit", 1.5).Text("hint", hint).
			Open("sort").Int("k.owner", 1).Int("k.stars", 1).Int("_id", 1).Close().Open("filter")), ""), 2},
	}
}

func refusedReads() map[string]refusedForm {
	return map[string]refusedForm{
		"unknown cursor": {msg(newDoc().Long("getMore", 9).Text("$db", "narrative").Text("collection", "notes").Close().Raw(), ""), 43},
		"cursor a text":  {msg(command("getMore", "x").Close().Raw(), ""), 2},
		"kill nothing":   {msg(command("killCursors", "notes").Close().Raw(), ""), 2},
		"kill a text":    {msg(command("killCursors", "notes").List("cursors").Text("0", "x").Close().Close().Raw(), ""), 2},
		"no pipeline":    {msg(command("aggregate", "notes").Close().Raw(), ""), 2},
		"other pipeline": {msg(pipeline().Open("0").Open("$match").Close().Close().Open("1").Int("$skip", 1).Close().Close().Close().Raw(), ""), 2},
		"two in a stage": {msg(pipeline().Open("0").Open("$match").Close().Int("$limit", 1).Close().Close().Close().Raw(), ""), 2},
		"other group":    {msg(pipeline().Open("0").Open("$match").Close().Close().Open("1").Open("$group").Close().Close().Close().Close().Raw(), ""), 2},
	}
}

func refusedInserts() map[string]refusedForm {
	return map[string]refusedForm{
		"insert nothing":      {msg(insert().Close().Raw(), ""), 2},
		"insert in order":     {msg(command("insert", "notes").Close().Raw(), "documents", stored("a", 1).Close().Raw(), stored("b", 1).Close().Raw()), 2},
		"insert revision 2":   {msg(insert().Close().Raw(), "documents", stored("a", 2).Close().Raw()), 2},
		"insert another form": {msg(insert().Close().Raw(), "documents", newDoc().Text("_id", "a").Close().Raw()), 2},
		"insert more":         {msg(insert().Close().Raw(), "documents", stored("a", 1).Int("more", 1).Close().Raw()), 2},
		"insert other keys": {msg(insert().Close().Raw(), "documents",
			newDoc().Text("_id", "a").Long("rev", 1).Open("k").Text("other", "x").Close().Text("body", "").Close().Raw()), 1},
		"insert a number as key": {msg(insert().Close().Raw(), "documents",
			newDoc().Text("_id", "a").Long("rev", 1).Open("k").Float("stars", 1).Close().Text("body", "").Close().Raw()), 2},
		"insert not UTF-8": {msg(insert().Close().Raw(), "documents", stored("a\xff", 1).Close().Raw()), 2},
	}
}

func refusedUpdates() map[string]refusedForm {
	return map[string]refusedForm{
		"update by operator":   {msg(update().Close().Raw(), "updates", embed(match(), "u", newDoc().Open("$set").Close().Close().Raw())), 2},
		"update to a text":     {msg(update().Close().Raw(), "updates", match().Text("u", "x").Close().Raw()), 2},
		"update of another":    {msg(update().Close().Raw(), "updates", embed(match(), "u", stored("n2", 2).Close().Raw())), 2},
		"update by two":        {msg(update().Close().Raw(), "updates", embed(match(), "u", stored("n1", 3).Close().Raw())), 2},
		"update with upsert":   {msg(update().Close().Raw(), "updates", embed(match().Bool("upsert", true), "u", stored("n1", 2).Close().Raw())), 40415},
		"update without rev":   {msg(update().Close().Raw(), "updates", embed(newDoc().Open("q").Text("_id", "n1").Close(), "u", stored("n1", 1).Close().Raw())), 2},
		"update by owner":      {msg(update().Close().Raw(), "updates", embed(newDoc().Open("q").Text("k.owner", "n1").Close(), "u", stored("n1", 1).Close().Raw())), 2},
		"update at revision 0": {msg(update().Close().Raw(), "updates", embed(newDoc().Open("q").Text("_id", "n1").Long("rev", 0).Close(), "u", stored("n1", 1).Close().Raw())), 2},
		"update of many":       {msg(update().Close().Raw(), "updates", embed(match().Bool("multi", true), "u", newDoc().Close().Raw())), 2},
		"update of not many":   {msg(update().Close().Raw(), "updates", embed(match().Bool("multi", false), "u", newDoc().Close().Raw())), 2},
		"fill an unknown field": {msg(update().Close().Raw(), "updates", embed(newDoc().Open("q").Open("k.new").Bool("$exists", false).Close().Close().
			Bool("multi", true), "u", newDoc().Close().Raw())), 2},

		"delete many": {msg(remove().Close().Raw(), "deletes", match().Int("limit", 0).Close().Raw()), 2},
		"delete two":  {msg(remove().Bool("ordered", false).Close().Raw(), "deletes", match().Int("limit", 1).Close().Raw(), match().Int("limit", 1).Close().Raw()), 2},
		"delete all":  {msg(remove().Close().Raw(), "deletes", newDoc().Open("q").Close().Int("limit", 1).Close().Raw()), 2},
		"delete by x": {msg(remove().Close().Raw(), "deletes", newDoc().Text("x", "y").Close().Raw()), 40415},

		"bulk in order":     {msg(newDoc().Int("bulkWrite", 1).Text("$db", "admin").Close().Raw(), "ops", insertOp("a")), 2},
		"bulk of nothing":   {msg(bulk().Close().Raw(), ""), 2},
		"bulk into nowhere": {msg(bulk().Close().Raw(), "ops", insertOp("a")), 2},
	}
}

func refusedIndexes() map[string]refusedForm {
	return map[string]refusedForm{
		"index of a body":     {msg(index("x__s").Open("key").Int("body", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index without types": {msg(index("x").Open("key").Int("k.a", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index descending":    {msg(index("x__s").Open("key").Int("k.a", -1).Int("_id", -1).Close().Close().Close().Close().Raw(), ""), 2},
		"index not total":     {msg(index("x__s").Open("key").Int("k.a", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index of more types": {msg(index("x__sss").Open("key").Int("k.a", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index of odd types":  {msg(index("x__d").Open("key").Int("k.a", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index of odd name":   {msg(index("X__s").Open("key").Int("k.a", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"index that expires":  {msg(index("x__s").Int("expireAfterSeconds", 1).Close().Close().Close().Raw(), ""), 40415},
		"index a text":        {msg(command("createIndexes", "notes").List("indexes").Text("0", "x").Close().Close().Raw(), ""), 2},
		"index changed":       {msg(index("by_owner__s").Open("key").Int("k.owner", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""), 2},
		"no indexes":          {msg(command("createIndexes", "notes").Close().Raw(), ""), 2},
		"collection's name":   {msg(command("create", "No").Close().Raw(), ""), 2},
	}
}

// TestBulkWrite checks the forms that mongostore's own tests do not reach.
func TestBulkWrite(t *testing.T) {
	t.Parallel()
	b := filled(t, mongowire.Config{})
	space := newDoc().Text("ns", "narrative.notes").Close().Raw()
	send := func(spaces []byte, ops ...[]byte) []byte {
		command := newDoc().Int("bulkWrite", 1).Text("$db", "admin").Bool("ordered", false).Bool("errorsOnly", false).Close().Raw()
		message := msg(command, "ops", ops...)
		more := msg(command, "nsInfo", spaces)[len(msg(command, "")):]
		message = append(message, more...)
		message[0], message[1] = byte(len(message)), byte(len(message)>>8)
		return b.answer(t, message)
	}
	change := func(id string, revision int64) []byte {
		op := embed(newDoc().Int("update", 0).Bool("multi", false).Open("filter").Text("_id", id).Long("rev", revision).Close(), "updateMods", stored(id, revision+1).Close().Raw())
		return op
	}
	reply := send(space, insertOp("a"), insertOp("n1"), change("n1", 1), change("n1", 5), change("zz", 1))
	counts := map[string]byte{"nInserted": 1, "nErrors": 1, "nMatched": 1, "nDeleted": 0}
	for name, want := range counts {
		if got := mongowire.Find(reply, name); got != string([]byte{want, 0, 0, 0}) {
			t.Errorf("%s is %q, want %d", name, got, want)
		}
	}
	for i, want := range []string{"\x01", "\x00", "\x01", "\x00", "\x00"} {
		if got := mongowire.Find(reply, "cursor", "firstBatch", fmt.Sprint(i), "n"); got != want+"\x00\x00\x00" {
			t.Errorf("operation %d has n %q, want %q", i, got, want)
		}
	}
	refused := map[string]struct {
		space []byte
		op    []byte
		code  int64
	}{
		"delete":           {space, newDoc().Int("delete", 0).Close().Raw(), 40415},
		"unknown space":    {space, embed(newDoc().Int("insert", 7), "document", stored("x", 1).Close().Raw()), 2},
		"two documents":    {space, embed(newDoc().Int("insert", 0).Bool("multi", false), "document", stored("x", 1).Close().Raw()), 2},
		"many":             {space, embed(newDoc().Int("update", 0).Bool("multi", true).Open("filter").Close(), "updateMods", stored("x", 1).Close().Raw()), 2},
		"other database":   {newDoc().Text("ns", "other.notes").Close().Raw(), insertOp("x"), 13},
		"other collection": {newDoc().Text("ns", "narrative.others").Close().Raw(), insertOp("x"), 26},
		"space with more":  {newDoc().Text("ns", "narrative.notes").Int("x", 1).Close().Raw(), insertOp("x"), 40415},
	}
	for name, c := range refused {
		if code, text, err := mongowire.ReplyCode(send(c.space, c.op)); code != c.code || err != nil {
			t.Errorf("%s: code %d, %q, %v, want %d", name, code, text, err, c.code)
		}
	}
	if err := b.driver.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	reply = send(space, insertOp("b"))
	if got := mongowire.Find(reply, "cursor", "firstBatch", "0", "code"); got != "\x5b\x00\x00\x00" {
		t.Errorf("a write after the driver's end has code %q", got)
	}
}

// broken is a driver whose calls fail.
type broken struct {
	mongowire.Driver
	err error
}

func (b broken) Ping(context.Context) error { return b.err }

func TestCodes(t *testing.T) {
	t.Parallel()
	b := filled(t, mongowire.Config{})
	cases := map[int64]error{
		1:     errors.New("something"),
		2:     fault.Invalid("invalid_text", "no text"),
		50:    context.DeadlineExceeded,
		91:    store.ErrClosed,
		14031: fault.Unavailable("store_unavailable", "not now"),
		10334: store.ErrTooLarge,
		11000: store.ErrDuplicate,
		11601: context.Canceled,
	}
	for want, err := range cases {
		b.server = mongowire.New(broken{b.driver, fmt.Errorf("wrapped: %w", err)}, mongowire.Config{})
		reply := b.answer(t, msg(command("ping", "x").Int("maxTimeMS", 60_000).Close().Raw(), ""))
		code, text, e := mongowire.ReplyCode(reply)
		if code != want || e != nil || !strings.Contains(text, "wrapped") || mongowire.Find(reply, "codeName") == "" {
			t.Errorf("%v: code %d, %q, %v", err, code, text, e)
		}
	}
}

// TestCursors checks that a cursor goes on, ends, and can be killed.
func TestCursors(t *testing.T) {
	t.Parallel()
	b := filled(t, mongowire.Config{})
	for i := range 4 {
		r := store.Record{ID: fmt.Sprint("big", i), Keys: map[string]any{"owner": "big", "stars": int64(i)}, Body: bytes.Repeat([]byte("x"), 7<<20)}
		if errs, err := b.driver.Insert(t.Context(), "notes", r); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	first := b.answer(t, msg(findCommand().Open("filter").Text("k.owner", "big").Close().Close().Raw(), ""))
	if mongowire.Find(first, "cursor", "firstBatch", "1", "_id") != "big1" || mongowire.Find(first, "cursor", "firstBatch", "2", "_id") != "" {
		t.Errorf("the first batch does not hold two records")
	}
	more := func(id byte, collection string) []byte {
		return b.answer(t, msg(newDoc().Long("getMore", int64(id)).Text("$db", "narrative").Text("collection", collection).Close().Raw(), ""))
	}
	id := mongowire.Find(first, "cursor", "id")
	second := more(id[0], "notes")
	if mongowire.Find(second, "cursor", "nextBatch", "1", "_id") != "big3" || mongowire.Find(second, "cursor", "id") == id {
		t.Errorf("the second batch does not hold the other two")
	}
	if code, _, _ := mongowire.ReplyCode(more(id[0], "notes")); code != 43 {
		t.Errorf("a used cursor: code %d", code)
	}
	third := b.answer(t, msg(findCommand().Open("filter").Text("k.owner", "big").Close().Close().Raw(), ""))
	id = mongowire.Find(third, "cursor", "id")
	killed := b.answer(t, msg(command("killCursors", "notes").List("cursors").Long("0", int64(id[0])).Close().Close().Raw(), ""))
	if mongowire.Find(killed, "cursorsKilled", "0") != id {
		t.Errorf("killed %q", killed)
	}
	if code, _, _ := mongowire.ReplyCode(more(id[0], "notes")); code != 43 {
		t.Errorf("a killed cursor: code %d", code)
	}
}

// FuzzAnswer checks that no message makes the server panic, and that what it
// answers is a document.
func FuzzAnswer(f *testing.F) {
	b := filled(f, mongowire.Config{})
	q := newDoc().Open("q").Text("_id", "n1").Long("rev", 1).Close()
	for _, seed := range [][]byte{
		msg(findCommand().Open("filter").Text("k.owner", "a").Open("k.stars").Long("$gte", 1).Close().Close().Close().Raw(), ""),
		msg(command("insert", "notes").Close().Raw(), "documents", stored("a", 1).Close().Raw()),
		msg(command("update", "notes").Close().Raw(), "updates", embed(q, "u", stored("n1", 2).Close().Raw())),
		msg(command("createIndexes", "more").List("indexes").Open("0").Text("name", "x__s").Open("key").Int("k.a", 1).Int("_id", 1).Close().Close().Close().Close().Raw(), ""),
		msg(newDoc().Int("bulkWrite", 1).Text("$db", "admin").Bool("ordered", false).Bool("errorsOnly", false).Close().Raw(), "ops", insertOp("a")),
		frame(2004, append([]byte("\x00\x00\x00\x00admin.$cmd\x00\x00\x00\x00\x00\x01\x00\x00\x00"), newDoc().Int("hello", 1).Close().Raw()...)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		reply, err := b.server.Answer(t.Context(), bytes.NewReader(message))
		if err != nil {
			return
		}
		if _, _, err := mongowire.ReplyCode(reply); err != nil {
			t.Errorf("reply %q: %v", reply, err)
		}
	})
}
