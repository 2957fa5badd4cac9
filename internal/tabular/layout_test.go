package tabular_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// column returns what is found out about a column of these values, and the
// column.
func column(t *testing.T, values ...string) (tabular.Field, frame.Column) {
	t.Helper()
	var b strings.Builder
	b.WriteString("row;value\n")
	for i, v := range values {
		fmt.Fprintf(&b, "%d;\"%s\"\n", i, strings.ReplaceAll(v, `"`, `""`))
	}
	o := tabular.CSVOptions{Format: tabular.FormatOptions{Delimiter: ";", Quote: `"`}}
	found, err := tabular.InferCSV(t.Context(), strings.NewReader(b.String()), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Schema = found.Schema
	r, err := tabular.NewCSVReader(strings.NewReader(b.String()), o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return found.Schema[1], f.Columns()[1]
}

func date(y int, m time.Month, d, hh, mm, ss int) float64 {
	return float64(time.Date(y, m, d, hh, mm, ss, 0, time.UTC).UnixMicro())
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, tt := range []struct {
		name   string
		values string // by |
		typ    tabular.Type
		layout tabular.Layout
		unit   string
		want   []float64 // nil: text
	}{
		{"day first", "31.01.2024|1.2.2024||05.06.1999", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 1, 31, 0, 0, 0), date(2024, 2, 1, 0, 0, 0), nan, date(1999, 6, 5, 0, 0, 0)}},
		{"points are never months first", "01.02.2024|03.04.2024", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 2, 1, 0, 0, 0), date(2024, 4, 3, 0, 0, 0)}},
		{"one day tells all", "01/02/2024|31/01/2024", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 2, 1, 0, 0, 0), date(2024, 1, 31, 0, 0, 0)}},
		{"month first", "01/02/2024|01/31/2024", tabular.Datetime, tabular.MonthFirst, "", []float64{date(2024, 1, 2, 0, 0, 0), date(2024, 1, 31, 0, 0, 0)}},
		{"nobody can tell", "01/02/2024|03/04/2024", tabular.String, "", "", nil},
		{"day and month alike", "01/01/2024|02/02/2024", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 1, 1, 0, 0, 0), date(2024, 2, 2, 0, 0, 0)}},
		{"both ways", "31/01/2024|01/31/2024", tabular.String, "", "", nil},
		{"no such day", "31.02.2024|01.02.2024", tabular.String, "", "", nil},
		{"leap day", "29.02.2024", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 2, 29, 0, 0, 0)}},
		{"no leap day", "29.02.2023", tabular.String, "", "", nil},
		{"beside the plain way", "31.01.2024|2024-02-03", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 1, 31, 0, 0, 0), date(2024, 2, 3, 0, 0, 0)}},
		{"with a time", "31.01.2024 14:05|01.02.2024 2:05:07 PM", tabular.Datetime, tabular.DayFirst, "", []float64{date(2024, 1, 31, 14, 5, 0), date(2024, 2, 1, 14, 5, 7)}},
		{"year first", "2024.01.31|2024-1-5", tabular.Datetime, tabular.YearFirst, "", []float64{date(2024, 1, 31, 0, 0, 0), date(2024, 1, 5, 0, 0, 0)}},
		{"named months", "31 Jan 2024|1-February-2024|Mar. 2, 2024", tabular.Datetime, tabular.NamedMonth, "", []float64{date(2024, 1, 31, 0, 0, 0), date(2024, 2, 1, 0, 0, 0), date(2024, 3, 2, 0, 0, 0)}},
		{"two digits of a year", "31.01.24|01.02.24", tabular.String, "", "", nil},
		{"times of day", "14:05|2:05 PM|12:00 am|00:00:01.5", tabular.Float, tabular.Clock, "", []float64{50700, 50700, 0, 1.5}},
		{"no time of day", "14:05|25:00", tabular.String, "", "", nil},
		{"decimal comma", "3,14|1.234,56|-0,5|7", tabular.Float, tabular.CommaDecimal, "", []float64{3.14, 1234.56, -0.5, 7}},
		{"thousands by a comma", "1,234.56|12.5|1,234,567", tabular.Float, tabular.PointDecimal, "", []float64{1234.56, 12.5, 1234567}},
		{"thousands by spaces", "1 234,5|12,5|1\u00a0234\u202f567,5", tabular.Float, tabular.CommaDecimal, "", []float64{1234.5, 12.5, 1234567.5}},
		{"thousands by apostrophes", "1'234.56|1\u2019234.5", tabular.Float, tabular.PointDecimal, "", []float64{1234.56, 1234.5}},
		{"whole thousands", "1,234,567|12", tabular.Integer, tabular.PointDecimal, "", []float64{1234567, 12}},
		{"whole thousands with points", "1.234.567|12|1.234", tabular.Integer, tabular.CommaDecimal, "", []float64{1234567, 12, 1234}},
		{"a fraction in between", "1.234.567|12,0", tabular.Float, tabular.CommaDecimal, "", []float64{1234567, 12}},
		{"thousands or decimals", "1,234|5,678", tabular.String, "", "", nil},
		{"plain decimals tell", "1,234|5.67", tabular.Float, tabular.PointDecimal, "", []float64{1234, 5.67}},
		{"plain decimals of three digits do not", "1,234|5.678", tabular.String, "", "", nil},
		{"groups of a wrong length", "12,34,567|1", tabular.String, "", "", nil},
		{"a code", "1,5|007", tabular.String, "", "", nil},
		{"a sign of its own", "\u22123,5|+2,25", tabular.Float, tabular.CommaDecimal, "", []float64{-3.5, 2.25}},
		{"euros", "1.234,56 €|€ 7|-€3,50|(2,00 EUR)", tabular.Float, tabular.CommaCurrency, "EUR", []float64{1234.56, 7, -3.5, -2}},
		{"dollars", "$1,234.56|USD 7|$-3.5", tabular.Float, tabular.PointCurrency, "USD", []float64{1234.56, 7, -3.5}},
		{"two currencies", "$1.50|€2.50", tabular.String, "", "", nil},
		{"an amount or thousands", "$1,234|$5,678", tabular.String, "", "", nil},
		{"a currency that is missing", "$1.50|2.50", tabular.String, "", "", nil},
		{"percentages", "12.5 %|7%|-1%", tabular.Float, tabular.PointPercent, "", []float64{12.5, 7, -1}},
		{"percentages with a comma", "12,5%|7 %", tabular.Float, tabular.CommaPercent, "", []float64{12.5, 7}},
		{"telephone numbers", "+49 30 123456|+49 123 456 789", tabular.String, "", "", nil},
		{"international numbers", "+4930123456|+441632960961", tabular.String, "", "", nil},
		{"signed numbers", "+1|+23456", tabular.Integer, "", "", []float64{1, 23456}},
		{"a date and a number", "31.01.2024|7", tabular.String, "", "", nil},
		{"a date and a truth", "31.01.2024|true", tabular.String, "", "", nil},
		{"an address", "192.168.1.10|10.0.0.1", tabular.String, "", "", nil},
		{"words", "ann|bob", tabular.String, "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			values := strings.Split(tt.values, "|")
			reversed := slices.Clone(values)
			slices.Reverse(reversed)
			for _, order := range [][]string{values, reversed} {
				f, c := column(t, order...)
				if f.Type != tt.typ || f.Layout != tt.layout || f.Unit != tt.unit {
					t.Fatalf("%q: field %+v, want %s, layout %q, unit %q", order, f, tt.typ, tt.layout, tt.unit)
				}
				if err := f.Validate(); err != nil {
					t.Error(err)
				}
				want := slices.Clone(tt.want)
				if &order[0] == &reversed[0] {
					slices.Reverse(want)
				}
				for i, w := range want {
					if got := c.Float(i); got != w && !(math.IsNaN(got) && math.IsNaN(w)) {
						t.Errorf("%q is %v, want %v", order[i], got, w)
					}
				}
			}
		})
	}
}

// A value that is not as the others is a mistake, and said so; of a lenient
// field it is missing, and told.
func TestLayoutsRefuse(t *testing.T) {
	t.Parallel()
	const file = "when,much\n31.01.2024,\"1,5\"\n31.02.2024,\"2,5\"\n,x\n"
	schema := tabular.Schema{
		{Name: "when", Type: tabular.Datetime, Nullable: true, Layout: tabular.DayFirst},
		{Name: "much", Type: tabular.Float, Nullable: true, Layout: tabular.CommaDecimal},
	}
	r, err := tabular.NewCSVReader(strings.NewReader(file), tabular.CSVOptions{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tabular.ReadFrame(t.Context(), r)
	f, ok := fault.As(err)
	if !ok || f.Code != "type_mismatch" || f.Fields[0].Location != `line 3, row 2, column "when"` || !strings.Contains(f.Message, "31.01.2024") {
		t.Errorf("error %v", err)
	}
	for i := range schema {
		schema[i].Lenient = true
	}
	if r, err = tabular.NewCSVReader(strings.NewReader(file), tabular.CSVOptions{Schema: schema}); err != nil {
		t.Fatal(err)
	}
	c, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Refused) != 2 || c.Refused[0].Row != 2 || c.Refused[0].Column != "when" || c.Refused[0].Reason != "31.02.2024" || c.Refused[1].Reason != "x" || len(c.Bad) > 0 {
		t.Errorf("refused %+v, bad %+v", c.Refused, c.Bad)
	}
	if when := c.Frame.Columns()[0]; when.Nulls() != 2 || c.Frame.Rows() != 3 {
		t.Errorf("%d missing of %d", when.Nulls(), c.Frame.Rows())
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for form, texts := range map[tabular.Forms][2][]string{
		tabular.FormEmail: {
			{"ann@example.org", "a.b+c@sub.example.co.uk", "x@exämple.de"},
			{"ann@", "@example.org", "ann@localhost", "ann@@example.org", "a b@example.org", ".a@example.org", "a..b@example.org", "ann@example.1", "ann@-x.org"},
		},
		tabular.FormPhone: {
			{"+49 30 123456", "(030) 123 456", "030/123456-78", "555-123-4567", "+4930123456", "212.555.1234", "+1 (212) 555-1234 ext 5"},
			{"1234567", "123-45-6789", "192.168.100.100", "2024-01-02", "2024-02-30", "31/02/2024", "0000.00.00", "12-34-56", "4111 1111 1111 1111 1", "030 (123", "14:05", "1-2-3-4-5-6-7"},
		},
		tabular.FormURL: {
			{"https://example.org/a?b=c", "http://localhost:8080", "www.example.org", "s3://bucket/key", "HTTPS://user@example.org"},
			{"example.org", "https://", "javascript://x", "https://a b", "http:/x", "www."},
		},
		tabular.FormUUID: {
			{"0197290c-5e5b-7c3a-9d0e-1f2a3b4c5d6e", "{0197290C-5E5B-7C3A-9D0E-1F2A3B4C5D6E}"},
			{"0197290c-5e5b-7c3a-9d0e-1f2a3b4c5d6", "0197290c5e5b7c3a9d0e1f2a3b4c5d6e", "g197290c-5e5b-7c3a-9d0e-1f2a3b4c5d6e"},
		},
		tabular.FormJSON: {
			{`{"a":1}`, `[1,2]`, `{}`},
			{`{a:1}`, `[1`, `"a"`, `{`},
		},
		tabular.FormCode:  {{"007", "99999999999999999999"}, {"7", "0", "7.5", "a7"}},
		tabular.FormToken: {{"7", "A-17", "x1"}, {"abc", "a 1", ""}},
	} {
		for _, text := range texts[0] {
			if tabular.FormsOf(text)&form == 0 {
				t.Errorf("%q lacks form %b: %b", text, form, tabular.FormsOf(text))
			}
		}
		for _, text := range texts[1] {
			if tabular.FormsOf(text)&form != 0 {
				t.Errorf("%q has form %b", text, form)
			}
		}
	}
}

// judged gathers values, by the row, in parts that are merged.
func judged(values []string, parts int) *tabular.Evidence {
	var all *tabular.Evidence
	for p := range parts {
		e := new(tabular.Evidence)
		for i := p * len(values) / parts; i < (p+1)*len(values)/parts; i++ {
			e.Add(values[i], 1, func() int64 { return int64(i + 1) })
		}
		if all == nil {
			all = e
		} else {
			all.Merge(e)
		}
	}
	return all
}

func repeated(n int, value string, others ...string) []string {
	out := slices.Repeat([]string{value}, n)
	return append(out, others...)
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		values   []string
		want     tabular.Semantic
		could    tabular.Semantic // suggested; "": nothing
		reason   string
		layouts  []tabular.Layout
		disagree int64
		sample   string
	}{
		{"all addresses", repeated(3, "ann@example.org"), tabular.SemanticEmail, "", "", nil, 0, ""},
		{"nearly all", repeated(199, "ann@example.org", "none"), tabular.SemanticString, tabular.SemanticEmail, tabular.ReasonMostly, nil, 1, "none"},
		{"not nearly all", repeated(98, "ann@example.org", "none", "nothing"), tabular.SemanticString, "", "", nil, 0, ""},
		{"dates but for one", repeated(150, "31.01.2024", "31.02.2024"), tabular.SemanticString, tabular.SemanticDate, tabular.ReasonMostly, []tabular.Layout{tabular.DayFirst}, 1, "31.02.2024"},
		{"numbers but for one", repeated(150, "12", "a few"), tabular.SemanticString, tabular.SemanticInteger, tabular.ReasonMostly, nil, 1, "a few"},
		{"dates of two readings", []string{"01/02/2024", "03/04/2024"}, tabular.SemanticString, tabular.SemanticDate, tabular.ReasonAmbiguous, []tabular.Layout{tabular.DayFirst, tabular.MonthFirst}, 0, ""},
		{"numbers of two readings", []string{"1,234", "5,678"}, tabular.SemanticString, tabular.SemanticFloat, tabular.ReasonAmbiguous, []tabular.Layout{tabular.PointDecimal, tabular.CommaDecimal}, 0, ""},
		{"dates kept as text", []string{"2024-01-02", "2024-02-03"}, tabular.SemanticString, tabular.SemanticDatetime, tabular.ReasonStored, nil, 0, ""},
		{"two currencies", []string{"$ 1.5", "€ 2.5"}, tabular.SemanticString, "", "", nil, 0, ""},
		{"amounts", []string{"$ 1.50", "$ 2.50"}, tabular.SemanticString, tabular.SemanticCurrency, tabular.ReasonStored, []tabular.Layout{tabular.PointCurrency}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, parts := range []int{1, 3} {
				e := judged(tt.values, parts)
				got, could := e.Judge(int64(len(tt.values)))
				if got != tt.want || (could == nil) != (tt.could == "") {
					t.Fatalf("%s, could be %+v", got, could)
				}
				if could == nil {
					continue
				}
				if could.Type != tt.could || could.Reason != tt.reason || !slices.Equal(could.Layouts, tt.layouts) || could.Disagree != tt.disagree || could.Agree+could.Disagree != int64(len(tt.values)) {
					t.Errorf("could be %+v", could)
				}
				if tt.sample != "" && (len(could.Samples) != 1 || could.Samples[0] != tabular.Sample{Row: int64(len(tt.values)), Value: tt.sample}) {
					t.Errorf("samples %+v", could.Samples)
				}
			}
		})
	}
}

func TestEvidenceChooses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []string
		typ    tabular.Semantic
		told   tabular.Layout
		layout tabular.Layout
		unit   string
		code   string
	}{
		{[]string{"31.01.2024", "x"}, tabular.SemanticDate, "", tabular.DayFirst, "", ""},
		{[]string{"31.01.2024", "x"}, tabular.SemanticDatetime, "", tabular.DayFirst, "", ""},
		{[]string{"2024-01-31", "x"}, tabular.SemanticDate, "", tabular.YearFirst, "", ""},
		{[]string{"2024-01-31", "x"}, tabular.SemanticDatetime, "", "", "", ""},
		{[]string{"01/02/2024", "x"}, tabular.SemanticDate, "", "", "", "layout_required"},
		{[]string{"01/02/2024", "x"}, tabular.SemanticDate, tabular.MonthFirst, tabular.MonthFirst, "", ""},
		{[]string{"31/02/2024", "x"}, tabular.SemanticDate, "", "", "", "type_unfit"},
		{[]string{"31/01/2024", "x"}, tabular.SemanticDate, tabular.MonthFirst, "", "", "type_unfit"},
		{[]string{"1,5", "2", "x"}, tabular.SemanticFloat, "", tabular.CommaDecimal, "", ""},
		{[]string{"1.5", "2", "x"}, tabular.SemanticFloat, "", "", "", ""},
		{[]string{"1,234", "x"}, tabular.SemanticInteger, "", "", "", "layout_required"},
		{[]string{"$1", "$2", "€3"}, tabular.SemanticCurrency, "", tabular.PointCurrency, "USD", "layout_required"},
		{[]string{"$1.50", "$2", "€3"}, tabular.SemanticCurrency, "", tabular.PointCurrency, "USD", ""},
		{[]string{"14:05", "x"}, tabular.SemanticTime, "", tabular.Clock, "", ""},
	} {
		layout, unit, err := judged(tt.values, 1).Choose(tt.typ, tt.told)
		if tt.code != "" {
			if fault.CodeOf(err) != tt.code {
				t.Errorf("%q as %s: %v, want %s", tt.values, tt.typ, err, tt.code)
			}
			continue
		}
		if err != nil || layout != tt.layout || unit != tt.unit {
			t.Errorf("%q as %s: layout %q, unit %q, error %v", tt.values, tt.typ, layout, unit, err)
		}
	}
}

func TestSemantics(t *testing.T) {
	t.Parallel()
	if n := len(tabular.Semantics()); n != 16 {
		t.Errorf("%d types", n)
	}
	for _, s := range tabular.Semantics() {
		storage := s.Storage()
		if len(storage) == 0 || !s.Holds(storage[0]) {
			t.Errorf("%s is stored as %v", s, storage)
		}
		for _, l := range s.LayoutsOf() {
			typ := storage[0]
			if err := (tabular.Field{Name: "x", Type: typ, Layout: l}).Validate(); err != nil {
				t.Errorf("%s with the layout %s: %v", s, l, err)
			}
		}
	}
	for _, f := range []tabular.Field{
		{Name: "x", Type: tabular.Float, Layout: tabular.DayFirst},
		{Name: "x", Type: tabular.Datetime, Layout: tabular.Clock},
		{Name: "x", Type: tabular.Integer, Layout: tabular.PointPercent},
		{Name: "x", Type: tabular.Float, Layout: "other"},
	} {
		if err := f.Validate(); fault.CodeOf(err) != "invalid_layout" {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if s := tabular.Semantic("other"); len(s.Storage()) > 0 || s.Holds(tabular.String) {
		t.Errorf("%s is a type", s)
	}
}

// FuzzForms checks that forms keep their word: what has one is read with its
// layout, what has none is not, and the values that are inferred of a file are
// those.
func FuzzForms(f *testing.F) {
	for _, s := range []string{
		"31.01.2024", "01/31/2024 2:05 PM", "31 Jan 2024", "1.234,56", "1,234.56", "1 234,5", "€ 1.234,56", "(USD 3)", "12,5 %", "14:05", "a@b.cd", "10000000000000000000", "10.000.000.000.000.000.000", "+49 30 123456", "{\"a\":1}", "",
	} {
		f.Add(s)
	}
	all := map[tabular.Forms]tabular.Field{}
	for form, l := range map[tabular.Forms]tabular.Layout{
		tabular.FormYearFirst: tabular.YearFirst, tabular.FormDayFirst: tabular.DayFirst, tabular.FormMonthFirst: tabular.MonthFirst, tabular.FormNamedMonth: tabular.NamedMonth,
	} {
		all[form] = tabular.Field{Name: "a", Type: tabular.Datetime, Nullable: true, Layout: l}
	}
	for form, l := range map[tabular.Forms]tabular.Layout{
		tabular.FormClock: tabular.Clock, tabular.FormPoint: tabular.PointDecimal, tabular.FormComma: tabular.CommaDecimal,
		tabular.FormPointCurrency: tabular.PointCurrency, tabular.FormCommaCurrency: tabular.CommaCurrency,
		tabular.FormPointPercent: tabular.PointPercent, tabular.FormCommaPercent: tabular.CommaPercent,
	} {
		all[form] = tabular.Field{Name: "a", Type: tabular.Float, Nullable: true, Layout: l}
	}
	f.Fuzz(func(t *testing.T, text string) {
		forms := tabular.FormsOf(text)
		if strings.ContainsAny(text, "\"\r\n\x00") || strings.TrimSpace(text) != text || text == "" || !isText(text) || tabular.FormsOf(text) == 0 && slices.Contains(strings.Fields("NA N/A n/a null NULL NaN nan ?"), text) {
			return
		}
		for form, field := range all {
			r, err := tabular.NewCSVReader(strings.NewReader("a,b\n\""+text+"\",1\n"), tabular.CSVOptions{
				Schema: tabular.Schema{field}, Format: tabular.FormatOptions{Delimiter: ",", Quote: `"`},
			})
			if err != nil {
				return // not a file
			}
			_, err = r.Next(t.Context())
			if read := err == nil; read != (forms&form != 0) {
				t.Errorf("%q has the forms %b and is read as %s: %v", text, forms, field.Layout, err)
			}
		}
	})
}

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s }
