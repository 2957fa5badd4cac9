package mongowire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// The codes of MongoDB that are answered.
const (
	codeInternal      = 1
	codeBadValue      = 2
	codeUnauthorized  = 13
	codeNoNamespace   = 26
	codeCursorUnknown = 43
	codeTimeout       = 50
	codeNoCommand     = 59
	codeShutdown      = 91
	codeTooLarge      = 10334
	codeDuplicate     = 11000
	codeNoSpace       = 14031 // for every passing failure: clients repeat calls after other codes until they time out
	codeInterrupted   = 11601
	codeUnknownField  = 40415
)

// refusedError is an error with one of the codes.
type refusedError struct {
	code int32
	text string
}

func (r *refusedError) Error() string { return r.text }

func refuse(code int32, format string, args ...any) error {
	return &refusedError{code: code, text: fmt.Sprintf(format, args...)}
}

func bad(format string, args ...any) error { return refuse(codeBadValue, format, args...) }

// codeOf returns the code for an error of ours or of the driver.
func codeOf(err error) int32 {
	if r, ok := errors.AsType[*refusedError](err); ok {
		return r.code
	}
	switch {
	case errors.Is(err, store.ErrDuplicate):
		return codeDuplicate
	case errors.Is(err, store.ErrTooLarge):
		return codeTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	case errors.Is(err, context.Canceled):
		return codeInterrupted
	case errors.Is(err, store.ErrClosed):
		return codeShutdown
	}
	switch fault.ClassOf(err) {
	case fault.ClassUnavailable:
		return codeNoSpace
	case fault.ClassInvalid:
		return codeBadValue
	default:
		return codeInternal
	}
}

// command is a request whose fields are known to be understood.
type command struct {
	name      string
	target    element            // the value of the command's name
	fields    map[string]element // the others
	database  string
	sequences map[string][][]byte
}

// handler answers one kind of command.
type handler struct {
	run       func(*Server, context.Context, *command) ([]byte, error)
	fields    []string // that are understood, beside those of every command
	sequences []string
	admin     bool // is asked of the database admin
}

// handlerOf returns the handler of the command. The names are written as
// clients write them.
func (s *Server) handlerOf(name string) (handler, bool) {
	switch name {
	case "hello", "isMaster", "ismaster":
		return handler{run: (*Server).hello, admin: true, fields: []string{
			"helloOk", "client", "compression", "loadBalanced", "topologyVersion", "maxAwaitTimeMS", "saslSupportedMechs", "backpressure",
		}}, true
	case "ping":
		return handler{run: (*Server).ping, admin: true}, true
	case "listIndexes":
		return handler{run: (*Server).listIndexes, fields: []string{"cursor"}}, true
	case "createIndexes":
		return handler{run: (*Server).createIndexes, fields: []string{"indexes"}}, true
	case "create":
		return handler{run: (*Server).create}, true
	case "insert":
		return handler{run: (*Server).insert, fields: []string{"ordered"}, sequences: []string{"documents"}}, true
	case "update":
		return handler{run: (*Server).update, fields: []string{"ordered"}, sequences: []string{"updates"}}, true
	case "delete":
		return handler{run: (*Server).delete, fields: []string{"ordered"}, sequences: []string{"deletes"}}, true
	case "bulkWrite":
		return handler{run: (*Server).bulkWrite, admin: true, fields: []string{"ordered", "errorsOnly"}, sequences: []string{"ops", "nsInfo"}},
			s.wireVersion >= bulkWriteVersion
	case "find":
		return handler{run: (*Server).find, fields: []string{"filter", "sort", "hint", "limit", "batchSize", "singleBatch", "projection"}}, true
	case "getMore":
		return handler{run: (*Server).getMore, fields: []string{"collection", "batchSize"}}, true
	case "killCursors":
		return handler{run: (*Server).killCursors, fields: []string{"cursors"}}, true
	case "aggregate":
		return handler{run: (*Server).count, fields: []string{"pipeline", "cursor", "hint"}}, true
	default:
		return handler{}, false
	}
}

// common reports whether the field may be part of every command. They ask for
// no more than the embedded store does anyway: every write is durable, every
// read sees what was acknowledged, and there is one server.
func common(field string) bool {
	switch field {
	case "$db", "$readPreference", "writeConcern", "readConcern", "maxTimeMS":
		return true
	default:
		return false
	}
}

// answer returns the reply to a request.
func (s *Server) answer(ctx context.Context, req *request) []byte {
	reply, err := s.perform(ctx, req)
	if err != nil {
		code := codeOf(err)
		return newDoc().double("ok", 0).text("errmsg", strings.ToValidUTF8(err.Error(), "?")).
			int32("code", code).text("codeName", codeName(code)).end().bytes
	}
	return reply
}

func (s *Server) perform(ctx context.Context, req *request) ([]byte, error) {
	c := &command{name: req.body[0].name, target: req.body[0], fields: map[string]element{}, sequences: req.sequences}
	h, ok := s.handlerOf(c.name)
	if !ok || req.query && !h.admin {
		return nil, refuse(codeNoCommand, "no such command: '%s'", c.name)
	}
	for _, e := range req.body[1:] {
		if _, twice := c.fields[e.name]; twice || !common(e.name) && !slices.Contains(h.fields, e.name) {
			return nil, refuse(codeUnknownField, "BSON field '%s.%s' is unknown or repeated", c.name, e.name)
		}
		c.fields[e.name] = e
	}
	for name := range req.sequences {
		if !slices.Contains(h.sequences, name) {
			return nil, refuse(codeUnknownField, "the sequence '%s' is not part of the command %s", name, c.name)
		}
	}
	if err := s.checkDatabase(c, h, req.query); err != nil {
		return nil, err
	}
	if limit, ok := c.fields["maxTimeMS"]; ok {
		ms, err := limit.integer()
		if err != nil || ms < 0 {
			return nil, bad("maxTimeMS is not a number of milliseconds")
		}
		if ms > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
			defer cancel()
		}
	}
	return h.run(s, ctx, c)
}

func (s *Server) checkDatabase(c *command, h handler, query bool) error {
	if query {
		return nil
	}
	var err error
	if c.database, err = c.fields["$db"].text(); err != nil {
		return bad("the command %s names no database", c.name)
	}
	if c.database != s.database && (!h.admin || c.database != "admin") {
		return refuse(codeUnauthorized, "the database '%s' is not served here, only '%s'", c.database, s.database)
	}
	return nil
}

func codeName(code int32) string {
	switch code {
	case codeBadValue:
		return "BadValue"
	case codeUnauthorized:
		return "Unauthorized"
	case codeNoNamespace:
		return "NamespaceNotFound"
	case codeCursorUnknown:
		return "CursorNotFound"
	case codeTimeout:
		return "MaxTimeMSExpired"
	case codeNoCommand:
		return "CommandNotFound"
	case codeShutdown:
		return "ShutdownInProgress"
	case codeDuplicate:
		return "DuplicateKey"
	case codeNoSpace:
		return "OutOfDiskSpace"
	case codeInterrupted:
		return "Interrupted"
	default:
		return "Location" + strconv.Itoa(int(code))
	}
}

// flag returns a boolean field, false when it is absent.
func (c *command) flag(name string) (bool, error) {
	e, ok := c.fields[name]
	if !ok {
		return false, nil
	}
	return e.boolean()
}

// number returns an integer field, 0 when it is absent.
func (c *command) number(name string) (int64, error) {
	e, ok := c.fields[name]
	if !ok {
		return 0, nil
	}
	return e.integer()
}

// docs returns the documents of a sequence and refuses an empty or an ordered
// one: writes are told apart here, so that none waits for another's success.
func (c *command) docs(name string) ([][]byte, error) {
	docs := c.sequences[name]
	if len(docs) == 0 {
		return nil, bad("the command %s has no %s", c.name, name)
	}
	ordered := true
	if e, ok := c.fields["ordered"]; ok {
		var err error
		if ordered, err = e.boolean(); err != nil {
			return nil, bad("%s", err)
		}
	}
	if ordered && len(docs) > 1 {
		return nil, bad("the command %s asks for an order, which is understood for a single write only", c.name)
	}
	return docs, nil
}

func (s *Server) hello(_ context.Context, c *command) ([]byte, error) {
	b := newDoc().boolean("helloOk", true).boolean("isWritablePrimary", true)
	if c.name != "hello" {
		b.boolean("ismaster", true)
	}
	return b.int32("maxBsonObjectSize", maxDocument).int32("maxMessageSizeBytes", maxMessage).
		int32("maxWriteBatchSize", 100_000).int32("minWireVersion", 0).int32("maxWireVersion", s.wireVersion).
		boolean("readOnly", false).ok(), nil
}

func (s *Server) ping(ctx context.Context, _ *command) ([]byte, error) {
	if err := s.driver.Ping(ctx); err != nil {
		return nil, err
	}
	return newDoc().ok(), nil
}
