package mongostore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const duplicateKey = 11000

// fail turns an error of the MongoDB driver into one of ours. ctx is the
// caller's. The driver's own text is kept without credentials; its type is not,
// since it could be printed elsewhere.
func (d *Driver) fail(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case errors.Is(err, mongo.ErrClientDisconnected):
		return fmt.Errorf("%s: %w", doing, store.ErrClosed)
	}
	return fmt.Errorf("%s: %w", doing, d.report(refused(err), err.Error()))
}

// report returns the text of the server or of its driver as an error of ours.
func (d *Driver) report(refused bool, text string) error {
	err := errors.New(d.scrubber.scrub(text))
	if refused {
		return err
	}
	return fault.Unavailable("store_unavailable", "the record store does not answer at the moment").Because(err)
}

// refused reports whether the server understood the call and said no, so that
// it would say no again.
func refused(err error) bool {
	if e, ok := errors.AsType[mongo.ClientBulkWriteException](err); ok {
		return e.WriteError != nil && len(e.WriteConcernErrors) == 0 && !passing(e.WriteError.Code)
	}
	if e, ok := errors.AsType[mongo.BulkWriteException](err); ok && e.WriteConcernError != nil {
		return false
	}
	if e, ok := errors.AsType[mongo.WriteException](err); ok && e.WriteConcernError != nil {
		return false
	}
	server, ok := errors.AsType[mongo.ServerError](err)
	if !ok || mongo.IsTimeout(err) || mongo.IsNetworkError(err) {
		return false
	}
	if slices.ContainsFunc([]string{"RetryableWriteError", "TransientTransactionError"}, server.HasErrorLabel) {
		return false
	}
	return !slices.ContainsFunc(server.ErrorCodes(), passing)
}

// passing reports whether a server answers with the code what it may do later.
func passing(code int) bool {
	switch code {
	case 6, // HostUnreachable
		7,     // HostNotFound
		24,    // LockTimeout
		50,    // MaxTimeMSExpired
		64,    // WriteConcernTimeout
		89,    // NetworkTimeout
		91,    // ShutdownInProgress
		112,   // WriteConflict
		189,   // PrimarySteppedDown
		262,   // ExceededTimeLimit
		10107, // NotWritablePrimary
		11600, // InterruptedAtShutdown
		11602, // InterruptedDueToReplStateChange
		13435, // NotPrimaryNoSecondaryOk
		13436, // NotPrimaryOrSecondary
		14031: // OutOfDiskSpace
		return true
	default:
		return false
	}
}

// scrubber takes the credentials of one URI out of texts.
type scrubber struct{ secrets []string }

const hidden = "xxxxx"

func newScrubber(uri string) scrubber {
	var s scrubber
	add := func(secret string) {
		if secret == "" {
			return
		}
		s.secrets = append(s.secrets, secret)
		if plain, err := url.PathUnescape(secret); err == nil && plain != secret && plain != "" {
			s.secrets = append(s.secrets, plain)
		}
	}
	add(uri)
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		rest = uri
	}
	// A password may itself hold unescaped separators: take all up to the last @.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		add(rest[:at])
		user, password, _ := strings.Cut(rest[:at], ":")
		add(password)
		add(user)
	}
	if _, query, ok := strings.Cut(rest, "?"); ok {
		for option := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(option, "=")
			name = strings.ToLower(name)
			if strings.Contains(name, "password") || name == "authmechanismproperties" {
				add(value)
			}
		}
	}
	return s
}

func (s scrubber) scrub(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}
