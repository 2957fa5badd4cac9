package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
)

// describePrivate says which columns hold personal data, and masks what the
// profile shows of their values.
func (c *Collector) describePrivate(p *Profile) {
	p.PII = []pii.Finding{}
	for i, col := range c.columns {
		shown := &p.Columns[i]
		quoteSamples(shown)
		found, ok := col.private.Finding(col.count)
		if ok {
			p.PII = append(p.PII, found)
		}
		if kind, told := c.options.PII[col.field.Name]; told {
			found.Kind, ok = kind, kind != ""
		}
		if ok {
			shown.mask(found.Kind)
		}
	}
}

// quoteSamples masks samples of values that look like personal data, in a column
// that does not hold such as a whole.
func quoteSamples(c *Column) {
	for i := range c.Disagreeing {
		c.Disagreeing[i].Value = pii.Quote(c.Disagreeing[i].Value)
	}
	if s := c.Suggestion; s != nil {
		for i := range s.Samples {
			s.Samples[i].Value = pii.Quote(s.Samples[i].Value)
		}
	}
}

// mask takes out of a description what tells values, and masks texts that are
// shown.
func (c *Column) mask(k pii.Kind) {
	for i := range c.Top {
		c.Top[i].Value = pii.MaskAny(k, c.Top[i].Value)
	}
	maskSamples(k, c.Disagreeing)
	if c.Suggestion != nil {
		maskSamples(k, c.Suggestion.Samples)
	}
	c.Min, c.Max, c.Mean, c.Std, c.Skew, c.Kurtosis = nil, nil, nil, nil, nil, nil
	c.Quantiles, c.QuantilesExact, c.QuantilesError = nil, false, 0
	c.Histogram, c.Outliers = nil, nil
}

func maskSamples(k pii.Kind, samples []tabular.Sample) {
	for i := range samples {
		samples[i].Value = pii.Mask(k, samples[i].Value)
	}
}

// quoting are the codes of findings whose sentences tell a value.
func quoting(code string) bool {
	switch code {
	case "values_disagree", "mostly_of_type", "rare_class", "future_times":
		return true
	}
	return false
}

// Tells returns which of the columns the profile tells values of, since they were no
// personal data when it was made or were allowed then.
func (p *Profile) Tells(columns map[string]pii.Kind) (map[string]bool, error) {
	told := make(map[string]bool)
	for _, c := range p.Columns {
		kind, ok := columns[c.Name]
		if !ok {
			continue
		}
		before, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode column %q of a profile: %w", c.Name, err)
		}
		c.Top, c.Disagreeing = slices.Clone(c.Top), slices.Clone(c.Disagreeing)
		if c.Suggestion != nil {
			s := *c.Suggestion
			s.Samples = slices.Clone(s.Samples)
			c.Suggestion = &s
		}
		c.mask(kind)
		after, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode column %q of a profile: %w", c.Name, err)
		}
		told[c.Name] = !bytes.Equal(before, after)
	}
	return told, nil
}

// Mask masks what the profile shows of columns, also of those that were found when it
// was made, since they may have been shown then; what is masked stays as it is. It
// reports whether there was any.
func (p *Profile) Mask(columns map[string]pii.Kind) bool {
	masked := make(map[string]bool)
	for i := range p.Columns {
		c := &p.Columns[i]
		if kind, ok := columns[c.Name]; ok {
			c.mask(kind)
			masked[c.Name] = true
		}
	}
	for i := range p.Findings {
		f := &p.Findings[i]
		if quoting(f.Code) && (masked[f.Column] || f.Code == "rare_class" && masked[p.Target]) {
			f.Message = fmt.Sprintf("%s: %d values are concerned, which are not shown since they are personal.", quoted(f.Column), f.Affected)
		}
	}
	return len(masked) > 0
}
