package prediction

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/tabular"
)

// warningOfExtra tells of columns that the model does not use, if there are
// any.
func (p *run) warningOfExtra(names []string) string {
	var extra []string
	inputs := p.inputs()
	for _, name := range names {
		if _, ok := inputs.Lookup(name); !ok && name != p.model.Target && name != p.req.IDColumn {
			extra = append(extra, name)
		}
	}
	if len(extra) == 0 {
		return ""
	}
	const show = 20
	more := ""
	if len(extra) > show {
		more = fmt.Sprintf(" and %d more", len(extra)-show)
	}
	return fmt.Sprintf("columns that the model does not use: %d, %s%s", len(extra), quote(extra[:min(len(extra), show)]), more)
}

func quote(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%.100q", name)
	}
	return strings.Join(quoted, ", ")
}

// warnBad says which columns the bad rows are bad by, and first of all when no
// row is left.
func (p *run) warnBad() {
	if p.result.Rows == 0 && p.result.BadRows > 0 {
		p.result.Warnings = append(p.result.Warnings, fmt.Sprintf("none of the %d rows could be predicted; the errors file says why for each", p.result.BadRows))
	}
	for _, name := range slices.Sorted(maps.Keys(p.blamed)) {
		if name == "" {
			continue // the row as a whole
		}
		p.result.Warnings = append(p.result.Warnings, fmt.Sprintf("bad rows whose value of column %.100q is to blame: %d", name, p.blamed[name]))
	}
}

func (p *run) warnUnseen() {
	names := p.inputs().Names()
	for _, name := range slices.Sorted(maps.Keys(p.unseen)) {
		if !slices.Contains(names, name) { // a column that the model's recipe makes
			names = append(names, name)
		}
	}
	for _, name := range names {
		if n := p.unseen[name]; n > 0 {
			p.result.Warnings = append(p.result.Warnings, fmt.Sprintf("rows with a category of column %.100q that the model has not seen in training: %d", name, n))
		}
	}
	p.result.Warnings = slices.Clip(p.result.Warnings)
}

// errorsFile is the file of bad rows, which exists when there are any.
type errorsFile struct {
	open   func() *tabular.Outlet
	outlet *tabular.Outlet
	bytes  int64
}

func (f *errorsFile) write(bad []tabular.BadRow) error {
	if len(bad) > 0 && f.outlet == nil {
		f.outlet = f.open()
	}
	for _, row := range bad {
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("encode bad row %d: %w", row.Row, err)
		}
		if _, err := f.outlet.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write bad rows: %w", err)
		}
		f.bytes += int64(len(line)) + 1
	}
	return nil
}

// close ends the file, which failed when err is not nil. It returns err, or why
// the file could not be stored.
func (f *errorsFile) close(err error) error {
	if f.outlet == nil {
		return err
	}
	return f.outlet.Close(err)
}
