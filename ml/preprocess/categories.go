package preprocess

import (
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

func categoryEntries() []entry {
	columns := Parameter{Name: "columns", Type: ColumnNames, Doc: "Columns of texts; without it all of those"}
	most := Parameter{Name: "max_categories", Type: Whole, Default: 50, Min: new(float64(1)), Max: new(float64(1 << 20)), Doc: "How many of the most frequent are told apart; the rest are one, other"}
	fewest := Parameter{Name: "min_rows", Type: Whole, Default: 1, Min: new(float64(1)), Doc: "Categories with fewer rows are among the rest"}
	some := Example{Parameters: map[string]any{"columns": []string{"city"}, "max_categories": 2}, Before: people()}
	return []entry{
		{
			Operation: Operation{
				Name: "encode_one_hot", Group: "categories", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Makes a column of 0 and 1 for each category, in the place of the column.", Parameters: []Parameter{columns, most, fewest}, Example: some,
			},
			kind: kindEncodeOneHot, says: "Makes a column of 0 and 1 for each category of {columns}; beyond the {max_categories} most frequent[min_rows: , or with fewer than {min_rows} rows,] they are one.", bind: bindEncodeOneHot,
		},
		{
			Operation: Operation{
				Name: "encode_labels", Group: "categories", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Numbers categories from 0 in sorted order; those that are not known are missing, or the last number when there are rare ones.", Parameters: []Parameter{columns, most, fewest}, Example: some,
			},
			kind: kindEncodeLabels, says: "Numbers the categories of {columns} in their order; beyond the {max_categories} most frequent[min_rows: , or with fewer than {min_rows} rows,] they are one.", bind: bindEncodeLabels,
		},
		{
			Operation: Operation{
				Name: "encode_ordinal", Group: "categories", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Numbers categories from 0 in an order that is given; others are missing.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Required: true, Doc: "Columns of texts"},
					{Name: "order", Type: Texts, Required: true, Doc: "The categories, the lowest first"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"plan"}, "order": []string{"free", "basic", "pro"}}, Before: members()},
			},
			kind: kindEncodeOrdinal, says: "Numbers {columns} in the order {order}.", bind: bindEncodeOrdinal,
		},
		{
			Operation: Operation{
				Name: "encode_frequency", Group: "categories", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Replaces categories by their share of the rows that have one.", Parameters: []Parameter{columns}, Example: Example{Parameters: map[string]any{"columns": []string{"city"}}, Before: people()},
			},
			kind: kindEncodeFrequency, says: "Replaces {columns} by the share of each category.", bind: bindEncodeFrequency,
		},
		{
			Operation: Operation{
				Name: "group_rare", Group: "categories", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Makes one category, other, of those that are rare.", Parameters: []Parameter{columns, most, fewest}, Example: some,
			},
			kind: kindGroupRare, says: "Makes one category of those of {columns} beyond the {max_categories} most frequent[min_rows: , and of those with fewer than {min_rows} rows].", bind: bindGroupRare,
		},
	}
}

func (b *binding) categories() ([]Field, CategoryParams) {
	return b.columns("columns", isString, "texts"), CategoryParams{MaxCategories: b.args.whole("max_categories"), MinRows: b.args.whole("min_rows")}
}

// hotLearner is a learner of texts that refuses to make more columns than a table
// may have, beside others that there are.
type hotLearner struct {
	learner
	others int
}

func (l hotLearner) learned() ([]byte, error) {
	b, err := l.learner.learned()
	if err != nil {
		return nil, err
	}
	o := decodeOneHot(wire.NewReader(b))
	made, widest := 0, hotColumn{}
	for _, h := range o.columns {
		if made += len(h.names); len(h.names) > len(widest.names) {
			widest = h
		}
	}
	if made+l.others > maxColumns {
		return nil, &ml.InputError{Code: "too_many_columns", Parameter: "max_categories", Column: widest.column, Row: -1, Message: fmt.Sprintf(
			"%d columns would be made, %d of them of %.100q, and a table may have %d; tell fewer categories apart, or number them by encode_labels or encode_frequency", made, len(widest.names), widest.column, maxColumns)}
	}
	return b, nil
}

func bindEncodeOneHot(b *binding) plan {
	fields, params := b.categories()
	p := plan{out: b.schema, reads: namesOf(fields), writes: namesOf(fields)}
	p.from = func(name string) []string {
		var of []string // a name may begin like those of two columns
		for _, f := range fields {
			if strings.HasPrefix(name, f.Name+"=") || strings.HasPrefix(name, f.Name+" is missing") {
				of = append(of, f.Name)
			}
		}
		return of
	}
	taken := namer{}
	for _, f := range b.schema {
		taken[f.Name] = true
	}
	for _, f := range fields {
		p.families = append(p.families, f.Name+"=")
		p.writes = append(p.writes, f.Name+" is missing")
		p.out = p.out.inPlace(f.Name, Field{Name: f.Name + "=", Type: frame.Float, Family: true},
			Field{Name: f.Name + " is missing", Type: frame.Float, Uncertain: true})
	}
	others := len(b.schema) - len(fields)
	learn := learnTexts(fields, func(all []counter) Step {
		o, names := &OneHot{}, namer{}
		for name := range taken {
			names[name] = true
		}
		for i := range all {
			v := all[i].vocabulary(params)
			h := hotColumn{vocabulary: v, missing: all[i].nulls > 0}
			for _, s := range v.dict() {
				h.names = append(h.names, names.name(v.column+"="+s))
			}
			if h.missing {
				h.names = append(h.names, names.name(v.column+" is missing"))
			}
			o.columns = append(o.columns, h)
		}
		return o
	})
	p.learn = func() learner { return hotLearner{learn(), others} }
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeOneHot) }
	return p
}

func bindEncodeLabels(b *binding) plan {
	fields, params := b.categories()
	p := b.changes(fields, func(f Field) Field { return Field{Name: f.Name, Type: frame.Float, Nullable: true} }, nil)
	p.learn = learnTexts(fields, func(all []counter) Step { return &Ordinal{columns: vocabularies(all, params)} })
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeOrdinal) }
	return p
}

func vocabularies(all []counter, params CategoryParams) []vocabulary {
	out := make([]vocabulary, len(all))
	for i := range all {
		out[i] = all[i].vocabulary(params)
	}
	return out
}

func bindEncodeOrdinal(b *binding) plan {
	fields := b.columns("columns", isString, "texts")
	order := b.args.texts("order")
	rank := make(map[string]float64, len(order))
	for i, s := range order {
		rank[s] = float64(i)
	}
	return b.changes(fields, func(f Field) Field { return Field{Name: f.Name, Type: frame.Float, Nullable: true} }, func(c frame.Column) (frame.Column, error) {
		return frame.NewFloat(c.Name(), eachText(c, func(s string) (float64, bool) { v, ok := rank[s]; return v, ok })), nil
	})
}

func bindEncodeFrequency(b *binding) plan {
	fields := b.columns("columns", isString, "texts")
	p := b.changes(fields, asType(frame.Float), nil)
	p.learn = learnTexts(fields, func(all []counter) Step {
		f := &Frequency{}
		for i := range all {
			f.columns = append(f.columns, all[i].shares())
		}
		return f
	})
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeFrequency) }
	return p
}

func bindGroupRare(b *binding) plan {
	fields, params := b.categories()
	p := b.changes(fields, nullable, nil)
	p.learn = learnTexts(fields, func(all []counter) Step { return &Group{columns: vocabularies(all, params)} })
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeGroup) }
	return p
}

func decodeOrdinal(r *wire.Reader) *Ordinal { return &Ordinal{columns: decodeVocabularies(r)} }
func decodeGroup(r *wire.Reader) *Group     { return &Group{columns: decodeVocabularies(r)} }
