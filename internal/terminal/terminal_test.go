package terminal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/terminal"
)

func clock() func() time.Time {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	step := terminal.Screen{Out: &out, Now: clock()}.Start("training")
	step.Update(terminal.Progress{Stage: "read", Fraction: -1})
	for i := range 100 {
		step.Update(terminal.Progress{Stage: "fold 1", Fraction: float64(i) / 100, Rows: int64(i) * 20, RowsAll: 2000})
	}
	step.Update(terminal.Progress{Stage: "fold 2", Fraction: 2, Rows: 5, ETA: time.Date(2025, 1, 2, 4, 4, 5, 0, time.UTC)})
	step.Done("3 models")
	text := out.String()
	for _, want := range []string{
		"training       0 %  read\n", "training       0 %  fold 1  0 of 2,000 rows\n", " 25 %  fold 1  500 of 2,000 rows\n", " 75 %", "100 %  fold 2  5 rows  59m", "training    done, 3 models, in ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n"); n != 7 {
		t.Errorf("%d lines:\n%s", n, text)
	}
	out.Reset()
	terminal.Screen{Out: &out}.Start("x").Fail()
	if !strings.HasSuffix(out.String(), "failed\n") {
		t.Errorf("got %q", out.String())
	}
}

func TestLiveBars(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	screen := terminal.Screen{Out: &out, Live: true}
	step := screen.Start("ingest")
	step.Update(terminal.Progress{Stage: "typing", Fraction: 0.5})
	step.Done("8,802 rows")
	if text := out.String(); !strings.Contains(text, "ingest") || !strings.Contains(text, "100 %  8,802 rows, in ") || !strings.Contains(text, "██████████████████████████████") {
		t.Errorf("got %q", text)
	}
	out.Reset()
	step = screen.Start("clean up")
	step.Update(terminal.Progress{Stage: "done", Fraction: 1, Rows: 7, Unit: "objects"})
	step.Done("")
	if text := out.String(); !strings.Contains(text, "100 %  7 objects, in ") {
		t.Errorf("a full bar ended without its last words: %q", text)
	}
	out.Reset()
	step = screen.Start("training")
	step.Update(terminal.Progress{Stage: "half", Fraction: 0.5})
	step.Fail()
	if text := out.String(); !strings.Contains(text, "training") || strings.Contains(text, "100 %") {
		t.Errorf("got %q", text)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := terminal.Table(&out, []string{"name", "rows", "note"}, [][]string{
		{"größe", "1,200", "x\x1b[31m\n"},
		{"b", "7", strings.Repeat("y", 60)},
		{"c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "name    rows  note\n" +
		"─────  ─────  " + strings.Repeat("─", 48) + "\n" +
		"größe  1,200  x�[31m�\n" +
		"b          7  " + strings.Repeat("y", 47) + "…\n" +
		"c             \n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
	if err := terminal.Table(broken{}, []string{"a"}, nil); err == nil {
		t.Error("a broken writer was not noticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		terminal.Count(0): "0", terminal.Count(999): "999", terminal.Count(-1234567): "-1,234,567", terminal.Count(1000): "1,000",
		terminal.Size(512): "512 B", terminal.Size(1536): "1.5 KiB", terminal.Size(100 << 30): "100 GiB", terminal.Size(5 << 40): "5 TiB",
		terminal.Bars([]int64{0, 1, 50, 100}): " ▁▅█", terminal.Bars(nil): "", terminal.Bars([]int64{0, 0}): "  ",
		terminal.Number(0.123456789): "0.12346",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
