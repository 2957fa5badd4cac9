package dataset

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// Output is a table that is to be written.
type Output struct {
	Prefix string // of its files
	Schema tabular.Schema
	Of     *Dataset // that it was made of
	Now    time.Time
	// Concealed are the columns that hold masked or hashed values, Private those that
	// are known to hold personal data, since the columns did that they are made of.
	Concealed map[string]Concealment
	Private   map[string]pii.Kind
}

// options are those of the profile.
func (o *Output) options() profile.Options {
	then := *o.Of
	v := *o.Of.Version
	v.Concealed, v.PII = o.Concealed, slices.Clone(v.PII)
	for i := range v.PII { // Private says which columns they are by now
		v.PII[i].Made = false
	}
	then.Version = &v
	options := profileOptions(&then, o.settings(), o.Now)
	maps.Copy(options.PII, o.Private)
	return options
}

// found are the findings of the profile, and columns that are known to hold personal
// data, whether something was found in them or not.
func (o *Output) found(p *profile.Profile) []pii.Finding {
	known := make([]pii.Finding, 0, len(o.Private))
	for _, name := range slices.Sorted(maps.Keys(o.Private)) {
		known = append(known, pii.Finding{Column: name, Kind: o.Private[name], Confidence: 1, Risk: o.Private[name].Risk(1), Name: "made of a column of personal data", Made: true})
	}
	return remember(p.PII, known)
}

// remember adds to findings what is known of columns that steps have made, which is
// not forgotten when the values of fewer rows, or in another form, say nothing.
func remember(found, known []pii.Finding) []pii.Finding {
	all := slices.Clone(found)
	for _, k := range known {
		if !k.Made {
			continue
		}
		if at := slices.IndexFunc(all, func(f pii.Finding) bool { return f.Column == k.Column }); at >= 0 {
			all[at].Made = true
		} else {
			all = append(all, k)
		}
	}
	return all
}

// settings are those that still hold: of a column that is another by now, the
// role.
func (o *Output) settings() map[string]Setting {
	kept := map[string]Setting{}
	for _, f := range o.Schema {
		set, ok := o.Of.Settings[f.Name]
		if !ok {
			continue
		}
		if set.Type != "" && !set.Type.Holds(f.Type) {
			set.Type, set.Layout = "", ""
		}
		kept[f.Name] = set
	}
	return kept
}

// WriteVersion writes a table with its profile and its sample, and describes it.
// fill gives the rows, which have the columns of the schema.
func WriteVersion(ctx context.Context, files IngestFiles, o Output, fill func(write func(x *frame.Frame) error) error) (Version, *profile.Profile, error) {
	v := Version{Schema: o.Schema, Format: tabular.Format{Kind: tabular.KindParquet, Header: true}, Concealed: o.Concealed}
	v.TableKey, v.ProfileKey, v.SampleKey = keysOf(o.Prefix)
	d, err := writeDescribed(ctx, files, o.Prefix, o.Schema, o.options(), func(write func(*tabular.Chunk) error) error {
		return fill(func(x *frame.Frame) error { return write(&tabular.Chunk{Frame: x}) })
	})
	if err != nil {
		return v, nil, err
	}
	v.Rows, v.Hash = d.rows, d.content.Hash()
	v.Types, v.PII, v.Scanned = found(d.profile, nil), o.found(d.profile), true
	return v, d.profile, nil
}
