package profile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// ages is a column of numbers in text, and one address of mail among them.
func ages(rows int) frame.Column {
	texts := make([]string, rows)
	for i := range texts {
		texts[i] = fmt.Sprint(20 + i%50)
	}
	texts[rows/2] = "zebulonia.quixworth@example.org"
	return frame.StringsOf("age", texts, nil)
}

func profiled(t *testing.T, o profile.Options, columns ...frame.Column) *profile.Profile {
	t.Helper()
	x, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	c := profile.New(tabular.SchemaOf(x), o)
	if err := c.Add(x); err != nil {
		t.Fatal(err)
	}
	p, err := c.Profile()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A column that is not personal as a whole shows no address among its samples.
func TestSamplesThatLookPersonalAreMasked(t *testing.T) {
	t.Parallel()
	p := profiled(t, profile.Options{}, ages(400))
	c := p.Column("age")
	if len(p.PII) != 0 || c.Suggestion == nil || len(c.Suggestion.Samples) != 1 || c.Suggestion.Samples[0].Value != "z***@example.org" {
		t.Fatalf("%+v, %+v", p.PII, c.Suggestion)
	}
	for _, f := range p.Findings {
		if strings.Contains(f.Message, "quixworth") {
			t.Errorf("a finding tells it: %s", f.Message)
		}
	}
}

func TestWhatPeopleSayOfColumnsHolds(t *testing.T) {
	t.Parallel()
	mails := make([]string, 50)
	for i := range mails {
		mails[i] = fmt.Sprintf("quixworth%d@example.org", i%5)
	}
	column := frame.StringsOf("contact", mails, nil)
	tells := func(p *profile.Profile) bool {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), "quixworth")
	}
	if p := profiled(t, profile.Options{}, column); len(p.PII) != 1 || p.PII[0].Kind != pii.Email || tells(p) {
		t.Errorf("found %+v; it tells them: %v", p.PII, tells(p))
	}
	if p := profiled(t, profile.Options{PII: map[string]pii.Kind{"contact": ""}}, column); !tells(p) {
		t.Error("a column that was allowed is masked")
	}
	words := frame.StringsOf("remark", []string{"quixworth", "quixworth", "plain", "plain"}, nil)
	p := profiled(t, profile.Options{}, words)
	if !tells(p) {
		t.Error("a column of words is masked, and nobody said that it is personal")
	}
	if !p.Mask(map[string]pii.Kind{"remark": pii.Other}) || tells(p) {
		t.Error("a profile that is masked later tells it")
	}
}
