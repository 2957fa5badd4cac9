package preprocess

import (
	"math"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Concealer hides values of persons.
type Concealer interface {
	// Mask shows a value of a kind so that nobody learns it; what is masked stays as
	// it is.
	Mask(kind, value string) string
	// Hash returns the same text for the same value, from which the value cannot be
	// told without the key.
	Hash(value string) string
	// Key identifies the key of Hash, without telling it; its error says why there is
	// none.
	Key() (string, error)
}

// masked are the kinds of values that are masked in ways of their own.
func masked() []string {
	return []string{
		"other", "email", "phone", "ssn", "national_id", "credit_card", "iban", "ip_address", "date_of_birth", "person_name", "address", "medical_id", "financial_account", "api_key",
	}
}

func concealEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "mask_values", Group: "privacy", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Leaves so little of each value that nobody learns it: of an address of mail the first character and the domain, of numbers the last digits. The columns hold texts then.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Required: true, Doc: "The columns to mask"},
					{Name: "kind", Type: Choice, Default: "other", Choices: masked(), Doc: "What they hold; other leaves the first and the last character of what has more than four"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"email"}, "kind": "email"}, Before: messy()},
			},
			kind: kindMaskValues, says: "Masks {columns} (kind: {kind}).", bind: bindMaskValues,
		},
		{
			Operation: Operation{
				Name: "hash_values", Group: "privacy", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Replaces each value by a hash with a key of the tenant: equal values have equal hashes in all tables of a tenant, and others in those of other tenants. The columns hold texts then. A model hashes in the same way, and does not hold the key.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Required: true, Doc: "The columns to hash"},
					{Name: "key", Type: Text, Doc: "The identifier of the key, which is refused when the key has changed; without it the key that there is"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"email"}}, Before: messy()},
			},
			kind: kindHashValues, says: "Replaces {columns} by hashes with the key {key}.", bind: bindHashValues,
		},
	}
}

// concealer returns what hides values, nil after a mistake.
func (b *binding) concealer() Concealer {
	if b.env.Concealer == nil {
		b.fail(&ml.InputError{Code: "no_concealer", Row: -1, Message: b.op.Name + " cannot hide values here; give the reader of the step a concealer"})
	}
	return b.env.Concealer
}

// conceals is the plan of an operation that makes texts of all values.
func (b *binding) conceals(hide func(t frame.Type, value string) string) plan {
	fields := b.columns("columns", anyType, "any type")
	return b.changes(fields, func(f Field) Field { return nullable(asType(frame.String)(f)) }, func(c frame.Column) (frame.Column, error) {
		if c.Type() == frame.String {
			return mapTexts(c, func(s string) (string, bool) {
				s = hide(frame.String, s)
				return s, s != ""
			}), nil
		}
		texts := make([]string, c.Len())
		for i := range texts {
			if !c.Null(i) {
				texts[i] = hide(c.Type(), plainText(c, i))
			}
		}
		return frame.StringsOf(c.Name(), texts, c.Null), nil
	})
}

func bindMaskValues(b *binding) plan {
	kind, to := b.args.text("kind"), b.concealer()
	return b.conceals(func(t frame.Type, s string) string {
		if t == frame.Bool {
			s = "-" // its length would tell it
		}
		return to.Mask(kind, s)
	})
}

func bindHashValues(b *binding) plan {
	to := b.concealer()
	if to != nil {
		b.key(to)
	}
	return b.conceals(func(_ frame.Type, s string) string { return to.Hash(s) })
}

// key notes which key there is, and refuses a step that was made with another.
func (b *binding) key(of Concealer) {
	have, err := of.Key()
	if err != nil {
		b.fail(&ml.InputError{Code: "hash_key_missing", Parameter: "columns", Row: -1, Message: err.Error()})
		return
	}
	if want := b.args.text("key"); want != "" && want != have {
		b.fail(&ml.InputError{Code: "hash_key_changed", Parameter: "key", Row: -1, Message: "the values were hashed with the key " + strconv.Quote(want) + ", and the key is " + strconv.Quote(have) +
			" now: hashes of before and of now cannot be compared; configure the secret of before, or do without what was made with it"})
	}
	b.args["key"] = have
}

// plainText writes a number so that the same one has the same text, whether it is
// kept as a whole number or not.
func plainText(c frame.Column, i int) string {
	if c.Type() != frame.Float {
		return textOf(c, i)
	}
	v := c.Float(i)
	if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
