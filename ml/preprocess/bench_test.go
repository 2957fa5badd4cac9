package preprocess_test

import (
	"math/rand/v2"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// BenchmarkRecipe applies ten simple steps to a table of ten columns.
func BenchmarkRecipe(b *testing.B) {
	const rows = 200_000
	r := rand.New(rand.NewPCG(1, 2))
	city, price, count := make([]int32, rows), make([]float64, rows), make([]int64, rows)
	for i := range rows {
		city[i], price[i], count[i] = int32(r.IntN(4)), r.Float64()*100, int64(r.IntN(50))
		if i%9 == 0 {
			price[i] = nan
		}
	}
	x := newFrame(b, frame.NewString("city", city, []string{" Oslo", "rome ", "Kyiv!", "Bonn"}), frame.NewFloat("price", price), frame.NewInt("count", frame.Int, count, nil),
		frame.NewString("name", city, []string{"a", "b", "c", "d"}), frame.NewFloat("p2", price), frame.NewFloat("p3", price), frame.NewFloat("p4", price),
		frame.NewInt("n2", frame.Int, count, nil), frame.NewInt("n3", frame.Int, count, nil), frame.NewInt("n4", frame.Int, count, nil))
	type p = map[string]any
	specs := []preprocess.Spec{
		step("trim_text", p{"columns": []string{"city"}}), step("change_case", p{"columns": []string{"city"}, "case": "title"}),
		step("remove_characters", p{"columns": []string{"city"}}), step("replace_values", p{"columns": []string{"name"}, "values": p{"a": "A"}}),
		step("fill_missing", p{"columns": []string{"price"}, "value": 1.5}), step("derive_column", p{"name": "gross", "expression": "price * 1.25 + 1.0"}),
		step("filter_rows", p{"condition": `gross > 20.0 && city != "Rome"`}), step("round_numbers", p{"columns": []string{"gross"}, "digits": 2}),
		step("rename_columns", p{"names": p{"p2": "other"}}), step("drop_columns", p{"columns": []string{"p3"}}),
	}
	parts := cut(x, 2048)
	recipe, err := preprocess.Bind(specs, preprocess.SchemaOf(x), environment(b))
	if err != nil {
		b.Fatal(err)
	}
	f, err := recipe.Fit(b.Context(), parts, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		pass := f.Start()
		for _, part := range parts {
			if err := pass.Next(part, func(*frame.Frame) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
