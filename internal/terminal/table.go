package terminal

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxCell = 48

// Table writes rows under a header in aligned columns; columns of numbers are
// aligned to the right.
func Table(w io.Writer, header []string, rows [][]string) error {
	return table(w, header, rows, maxCell)
}

// Explained is Table with a last column of sentences, which are shown whole.
func Explained(w io.Writer, header []string, rows [][]string) error {
	const whole = 2000
	return table(w, header, rows, whole)
}

// table writes a table whose last column may be as wide as last.
func table(w io.Writer, header []string, rows [][]string, last int) error {
	width := make([]int, len(header))
	right := make([]bool, len(header))
	for i, h := range header {
		width[i] = utf8.RuneCountInString(h)
		right[i] = len(rows) > 0
	}
	cells := make([][]string, len(rows))
	for r, row := range rows {
		cells[r] = make([]string, len(header))
		for i := range header {
			if i < len(row) {
				widest := maxCell
				if i == len(header)-1 {
					widest = last
				}
				cells[r][i] = clip(printable(row[i]), widest)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cells[r][i]))
			right[i] = right[i] && number(cells[r][i])
		}
	}
	var b strings.Builder
	write := func(row []string) {
		for i, cell := range row {
			gap := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			switch {
			case right[i]:
				b.WriteString(gap + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + gap)
			}
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	write(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = strings.Repeat("─", min(width[i], maxCell))
	}
	write(rule)
	for _, row := range cells {
		write(row)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	return nil
}

// printable keeps what a file or a server sent from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}

func number(s string) bool {
	s = strings.TrimSuffix(strings.ReplaceAll(s, ",", ""), " %")
	_, err := strconv.ParseFloat(s, 64)
	return err == nil || s == "" || s == "–"
}

// Bars draws counts as a row of bars, one character each; the largest is full
// and only a zero is empty.
func Bars(counts []int64) string {
	const levels = "▁▂▃▄▅▆▇█"
	all := []rune(levels)
	if len(counts) == 0 {
		return ""
	}
	top := slices.Max(counts)
	var b strings.Builder
	for _, c := range counts {
		if c <= 0 || top <= 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(all[int(float64(len(all)-1)*float64(c)/float64(top)+0.5)])
	}
	return b.String()
}

// Number writes a value with a few digits.
func Number(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
