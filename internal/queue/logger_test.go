package queue_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/queue"
)

// An outage is a few lines a minute, not a few a second, and none is lost to
// who wants them all.
func TestAnOutageDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	var log buffer
	l := queue.NewLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), now)
	for range 90 {
		l.Error("Dequeue error: ", "connection refused")
		l.Error("Failed to forward scheduled tasks: ", "connection refused")
		at = at.Add(time.Second)
	}
	text := log.String()
	if warned := strings.Count(text, "level=WARN"); warned != 4 {
		t.Errorf("%d warnings in 90 seconds of two troubles, not 4:\n%s", warned, text)
	}
	if !strings.Contains(text, "not_shown=59") || strings.Count(text, "level=DEBUG") != 176 {
		t.Errorf("the others are not counted:\n%s", text)
	}
	for i := range 200 { // what cannot be told apart does not take memory for ever
		l.Error(fmt.Sprintf("trouble %d", i))
	}
	if strings.Count(log.String(), "level=WARN") != 204 {
		t.Error("a new trouble was hidden")
	}
}
