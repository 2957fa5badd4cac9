package preprocess

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/ml/frame"
)

func appendCount(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }

func featureEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "add_polynomials", Group: "features", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Adds the powers of numbers, from the square on.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Required: true, Doc: "Columns of numbers"},
					{Name: "degree", Type: Whole, Default: 2, Min: new(float64(2)), Max: new(float64(8)), Doc: "The highest power"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"age"}, "degree": 3}, Before: people()},
			},
			kind: kindAddPolynomials, says: "Adds the powers of {columns} up to {degree}.", bind: bindAddPolynomials,
		},
		{
			Operation: Operation{
				Name: "add_interactions", Group: "features", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Adds a column for every two of some columns of numbers: their product, ratio, sum or difference. A ratio to zero is missing.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Required: true, Doc: "Two columns of numbers or more, 50 at most"},
					{Name: "operation", Type: Choice, Default: "product", Choices: []string{"product", "ratio", "sum", "difference"}, Doc: "What is computed of two"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"income", "age"}, "operation": "ratio"}, Before: people()},
			},
			kind: kindAddInteractions, says: "Adds the {operation} of every two of {columns}.", bind: bindAddInteractions,
		},
	}
}

// adds is the plan of an operation that adds columns of numbers.
func adds(b *binding, reads []Field, names []string, values func(in [][]float64, k int) []float64) plan {
	b.free("columns", names...)
	p := plan{out: b.schema, reads: namesOf(reads), writes: names}
	for _, name := range names {
		p.out = p.out.with(Field{Name: name, Type: frame.Float, Nullable: true})
	}
	p.act = statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		in := make([][]float64, len(reads))
		for i, f := range reads {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			in[i] = floatsOf(c)
		}
		made := make([]frame.Column, len(names))
		for k, name := range names {
			made[k] = frame.NewFloat(name, values(in, k))
		}
		return put(x, made...)
	})
	return p
}

func bindAddPolynomials(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	powers := b.args.whole("degree") - 1
	var names []string
	for _, f := range fields {
		for d := range powers {
			names = append(names, f.Name+"^"+strconv.Itoa(d+2))
		}
	}
	return adds(b, fields, names, func(in [][]float64, k int) []float64 {
		out := make([]float64, len(in[k/powers]))
		for i, v := range in[k/powers] {
			power := v
			for range k%powers + 1 {
				power *= v
			}
			out[i] = finite(power)
		}
		return out
	})
}

func bindAddInteractions(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	const most = 50
	if len(fields) < 2 || len(fields) > most {
		b.fail(invalid("columns", "columns names "+strconv.Itoa(len(fields))+" columns, it should name 2 to 50"))
		return plan{}
	}
	compute, sign := combination(b.args.text("operation"))
	var names []string
	var of [][2]int
	for i := range fields {
		for j := i + 1; j < len(fields); j++ {
			names = append(names, fields[i].Name+sign+fields[j].Name)
			of = append(of, [2]int{i, j})
		}
	}
	return adds(b, fields, names, func(in [][]float64, k int) []float64 {
		left, right := in[of[k][0]], in[of[k][1]]
		out := make([]float64, len(left))
		compute(out, left, right)
		return out
	})
}

// combination returns what is computed of two columns, and its sign.
func combination(operation string) (compute func(out, a, b []float64), sign string) {
	switch operation {
	case "ratio":
		return func(out, a, b []float64) {
			for i := range out {
				if out[i] = math.NaN(); b[i] != 0 {
					out[i] = finite(a[i] / b[i])
				}
			}
		}, "/"
	case "sum":
		return func(out, a, b []float64) {
			for i := range out {
				out[i] = finite(a[i] + b[i])
			}
		}, "+"
	case "difference":
		return func(out, a, b []float64) {
			for i := range out {
				out[i] = finite(a[i] - b[i])
			}
		}, "-"
	default:
		return func(out, a, b []float64) {
			for i := range out {
				out[i] = finite(a[i] * b[i])
			}
		}, "*"
	}
}

func dateEntries() []entry {
	columns := Parameter{Name: "columns", Type: ColumnNames, Doc: "Columns of instants; without it all of those"}
	keep := Parameter{Name: "keep", Type: Flag, Default: false, Doc: "Whether the instants stay, too"}
	return []entry{
		{
			Operation: Operation{
				Name: "extract_date_parts", Group: "dates", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Makes columns of numbers of the parts of instants, in UTC.",
				Parameters: []Parameter{
					columns,
					{Name: "parts", Type: Choices, Default: []string{"year", "month", "day", "weekday", "hour"}, Choices: []string{"days", "year", "month", "day", "weekday", "hour", "day of year"}, Doc: "The parts; days are those since 1970, weekday is 0 on Sunday"},
					keep,
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"joined"}, "parts": []string{"year", "month", "weekday"}}, Before: members()},
			},
			kind: kindExtractDateParts, says: "Makes {parts} of {columns}[keep: , and keeps those].", bind: bindDateParts,
		},
		{
			Operation: Operation{
				Name: "encode_cycles", Group: "dates", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Makes a sine and a cosine of the parts of instants that come around, so that December is next to January.",
				Parameters: []Parameter{
					columns,
					{Name: "parts", Type: Choices, Default: []string{"month", "weekday", "hour"}, Choices: []string{"month", "weekday", "hour", "day of year"}, Doc: "The parts"},
					keep,
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"joined"}, "parts": []string{"month"}, "keep": true}, Before: members()},
			},
			kind: kindEncodeCycles, says: "Makes cycles of {parts} of {columns}[keep: , and keeps those].", bind: bindDateParts,
		},
		{
			Operation: Operation{
				Name: "compute_age", Group: "dates", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Computes the time from an instant to a day that is given, or to the instant of another column. Years and months are whole ones that are over.",
				Parameters: []Parameter{
					{Name: "column", Type: ColumnName, Required: true, Doc: "The instant that time is counted from"},
					{Name: "name", Type: Text, Required: true, Doc: "The column to make"},
					{Name: "at", Type: Text, Doc: "The day, such as 2024-12-31"},
					{Name: "at_column", Type: ColumnName, Doc: "The column of the instant, when it is not the same for all"},
					{Name: "unit", Type: Choice, Default: "years", Choices: []string{"years", "months", "days", "hours"}, Doc: "What is counted; days and hours have a fraction"},
				},
				Example: Example{Parameters: map[string]any{"column": "joined", "name": "years", "at": "2024-12-31"}, Before: members()},
			},
			kind: kindComputeAge, says: "Computes {name}, the {unit} from {column}[at:  to {at}][at_column:  to {at_column}].", bind: bindComputeAge,
		},
	}
}

func partNamed(name string) Part {
	for p := range monthSin {
		if p.String() == name {
			return p
		}
	}
	return Days
}

func bindDateParts(b *binding) plan {
	fields := b.columns("columns", isTime, "instants")
	keep := b.args.flag("keep")
	of := map[string][]string{}
	p := plan{out: b.schema, reads: namesOf(fields), from: func(name string) []string { return of[name] }}
	all := make([]dateColumn, len(fields))
	for i, f := range fields {
		d := dateColumn{column: f.Name}
		for _, name := range b.args.texts("parts") {
			part := partNamed(name)
			if b.op.Name == "encode_cycles" {
				sin, cos, _ := part.cycle()
				d.parts = append(d.parts, sin, cos)
			} else {
				d.parts = append(d.parts, part)
			}
		}
		var made []Field
		if keep {
			made = append(made, f)
		} else {
			p.writes = append(p.writes, f.Name)
		}
		for _, part := range d.parts {
			name := f.Name + " " + part.String()
			d.names = append(d.names, name)
			made = append(made, Field{Name: name, Type: frame.Float, Nullable: f.Nullable})
		}
		b.free("parts", d.names...)
		p.writes = append(p.writes, d.names...)
		for _, name := range d.names {
			of[name] = []string{f.Name}
		}
		p.out = p.out.inPlace(f.Name, made...)
		all[i] = d
	}
	if len(b.args.texts("parts")) == 0 {
		b.fail(invalid("parts", "parts is empty, at least one should be named"))
	}
	p.act = statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		entries := map[string][]frame.Column{}
		for i, f := range fields {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			if keep {
				entries[f.Name] = append(entries[f.Name], c)
			}
			entries[f.Name] = append(entries[f.Name], all[i].numbers(c)...)
		}
		return replace(x, entries)
	})
	return p
}

func bindComputeAge(b *binding) plan {
	fields := []Field{b.field("column", b.args.text("column"), isTime, "instants")}
	name, unit := b.args.text("name"), b.args.text("unit")
	b.free("name", name)
	var day int64
	switch {
	case b.args.given("at") == b.args.given("at_column"):
		b.fail(invalid("at", "either at or at_column has to say up to when time is counted"))
	case b.args.given("at_column"):
		fields = append(fields, b.field("at_column", b.args.text("at_column"), isTime, "instants"))
	default:
		var ok bool
		if day, ok = parseInstant(b.args.text("at"), true); !ok {
			b.fail(invalid("at", "at is "+strconv.Quote(b.args.text("at"))+", it should be a day such as 2024-12-31"))
		}
	}
	return plan{
		out: b.schema.with(Field{Name: name, Type: frame.Float, Nullable: true}), reads: namesOf(fields), writes: []string{name},
		act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
			columns := make([]frame.Column, len(fields))
			for i, f := range fields {
				var err error
				if columns[i], err = present(x, f); err != nil {
					return nil, err
				}
			}
			from := columns[0]
			values := make([]float64, from.Len())
			for i, v := range from.Ints() {
				to, missing := day, from.Null(i)
				if len(columns) > 1 {
					to, missing = columns[1].Int(i), missing || columns[1].Null(i)
				}
				if values[i] = math.NaN(); !missing {
					values[i] = age(v, to, unit)
				}
			}
			return put(x, frame.NewFloat(name, values))
		}),
	}
}

// age returns the time between two instants in microseconds; it is below zero
// when the second is before the first.
func age(from, to int64, unit string) float64 {
	switch unit {
	case "days":
		return (float64(to) - float64(from)) / microsPerDay
	case "hours":
		return (float64(to) - float64(from)) / microsPerDay * 24
	}
	a, b, sign := time.UnixMicro(from).UTC(), time.UnixMicro(to).UTC(), 1
	if b.Before(a) {
		a, b, sign = b, a, -1
	}
	months := (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month())
	clock := func(t time.Time) time.Duration {
		return time.Duration(t.Day())*24*time.Hour + t.Sub(t.Truncate(24*time.Hour))
	}
	if clock(b) < clock(a) {
		months--
	}
	if unit == "years" {
		months /= 12
	}
	return float64(sign * months)
}
