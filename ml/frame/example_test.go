package frame_test

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// Columns have a type each; any value may be missing.
func Example() {
	var unknown frame.Bitmap
	unknown.Set(1)
	x, err := frame.New(
		frame.NewFloat("height", []float64{1.82, math.NaN(), 1.69}),
		frame.NewInt("children", frame.Int, []int64{2, 0, 1}, unknown),
		frame.StringsOf("city", []string{"Oslo", "", "Rome"}, func(i int) bool { return i == 1 }),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range x.Columns() {
		fmt.Printf("%s: %s, %d of %d missing\n", c.Name(), c.Type(), c.Nulls(), c.Len())
	}
	city, _ := x.Column("city")
	fmt.Println(city.Text(2), city.Dict(), city.Codes())
	// Output:
	// height: float, 1 of 3 missing
	// children: integer, 1 of 3 missing
	// city: string, 1 of 3 missing
	// Rome [Oslo Rome] [0 -1 1]
}

// Take makes a table of some rows, which may repeat, Select one of some columns.
func ExampleFrame_Take() {
	x, err := frame.New(
		frame.NewFloat("a", []float64{1, 2, 3}),
		frame.StringsOf("b", []string{"x", "y", "z"}, nil),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err = x.Take([]int{2, 0, 0}).Select("b")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := x.Column("b")
	fmt.Println(x.Names(), x.Rows(), b.Text(0), b.Text(1), b.Text(2))
	// Output: [b] 3 z x x
}

// Names are distinct and lengths equal.
func ExampleNew() {
	_, err := frame.New(frame.NewFloat("a", []float64{1, 2}), frame.NewFloat("b", []float64{1}))
	fmt.Println(err)
	// Output: frame: column "b" has 1 rows, column "a" has 2
}
