package tabular_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

const (
	relationsHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	officeTypes   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
)

func relationXML(id, kind, target string) string {
	return fmt.Sprintf(`<Relationship Id=%q Type=%q Target=%q/>`, id, officeTypes+kind, target)
}

func sheetXML(rows string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><cols><col min="1"/></cols><sheetData>` + rows + `</sheetData><pageMargins left="0.7"/></worksheet>`
}

// book writes a workbook of one sheet, with the parts given in place of its own.
func book(tb testing.TB, parts map[string]string) string {
	tb.Helper()
	all := map[string]string{
		"[Content_Types].xml": `<Types/>`,
		"_rels/.rels":         relationsHead + relationXML("rId1", "officeDocument", "xl/workbook.xml") + `</Relationships>`,
		"xl/workbook.xml":     `<workbook xmlns:r="x"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relationsHead + relationXML("rId1", "worksheet", "worksheets/sheet1.xml") +
			relationXML("rId2", "styles", "/xl/styles.xml") + relationXML("rId3", "sharedStrings", "sharedStrings.xml") + `</Relationships>`,
		"xl/worksheets/sheet1.xml": sheetXML(`<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row><row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2.5</v></c></row>`),
		"xl/sharedStrings.xml":     `<sst/>`,
		"xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd&quot;h&quot;"/><numFmt numFmtId="165" formatCode="0.00&quot; days&quot;"/><numFmt numFmtId="166" formatCode="[h]:mm"/></numFmts>
			<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
			<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="20"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>`,
	}
	maps.Copy(all, parts)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			list = append(list, name, all[name])
		}
	}
	return zipped(tb, list...)
}

// cells writes a row of cells without addresses: texts inline, numbers as they
// are, and raw XML for what begins with <.
func cells(values ...string) string {
	var b strings.Builder
	b.WriteString("<row>")
	for _, v := range values {
		switch {
		case v == "":
			b.WriteString("<c/>")
		case v[0] == '<':
			b.WriteString(v)
		case v[0] >= '0' && v[0] <= '9' || v[0] == '-':
			b.WriteString("<c><v>" + v + "</v></c>")
		default:
			b.WriteString(`<c t="inlineStr"><is><t>` + escaped(v) + "</t></is></c>")
		}
	}
	b.WriteString("</row>")
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

// peopleXLSX writes the table of the conformance suite as a spreadsheet program
// does, in the second sheet, from its third row and second column on.
func peopleXLSX(tb testing.TB) string {
	tb.Helper()
	var rows, texts strings.Builder
	known := 0
	for i, row := range people {
		fmt.Fprintf(&rows, `<row r="%d" spans="2:7">`, i+3)
		for j, v := range row {
			at := fmt.Sprintf(`r="%c%d"`, 'B'+j, i+3)
			switch v := v.(type) {
			case nil:
				if j%2 == 0 {
					fmt.Fprintf(&rows, `<c %s s="1"/>`, at)
				}
			case bool:
				fmt.Fprintf(&rows, `<c %s t="b"><v>%d</v></c>`, at, map[bool]int{true: 1}[v])
			case string:
				if day, err := time.Parse("2006-01-02T15:04:05", v); err == nil {
					fmt.Fprintf(&rows, `<c %s s="2"><v>%.17g</v></c>`, at, float64(day.Unix())/86400+25569)
					continue
				}
				fmt.Fprintf(&rows, `<c %s t="s"><v>%d</v></c>`, at, known)
				known++
				text := escaped(v)
				if i == 1 {
					text = text[:1] + `</t></r><r><rPr><b/></rPr><t xml:space="preserve">` + text[1:]
				}
				fmt.Fprintf(&texts, `<si><r><t>%s</t></r><rPh sb="0"><t>unspoken</t></rPh></si>`, text)
			default:
				fmt.Fprintf(&rows, `<c %s><v>%v</v></c>`, at, v)
			}
		}
		rows.WriteString("</row>")
	}
	return book(tb, map[string]string{
		"xl/workbook.xml": `<x:workbook xmlns:x="y" xmlns:r="z"><x:bookViews/><x:sheets><x:sheet name="Empty" sheetId="7" r:id="rId1"/><x:sheet name="Chart" sheetId="9" r:id="rId9"/><x:sheet name="People" sheetId="3" r:id="rId4"/><x:sheet name="Other" sheetId="4" r:id="rId5"/></x:sheets></x:workbook>`,
		"xl/_rels/workbook.xml.rels": relationsHead + relationXML("rId1", "worksheet", "worksheets/sheet1.xml") + relationXML("rId4", "worksheet", "/xl/Worksheets/people.xml") +
			relationXML("rId5", "worksheet", "../xl/other.xml") + relationXML("rId9", "chartsheet", "chart.xml") +
			relationXML("rId2", "styles", "styles.xml") + relationXML("rId3", "sharedStrings", "sharedStrings.xml") + `</Relationships>`,
		"xl/worksheets/sheet1.xml": sheetXML(`<row r="1"><c r="A1" s="1"/></row>`),
		"xl/worksheets/people.xml": sheetXML(rows.String()),
		"xl/other.xml":             sheetXML(cells("only") + cells("1")),
		"xl/sharedStrings.xml":     `<sst count="9">` + texts.String() + `</sst>`,
	})
}

func TestSheets(t *testing.T) {
	t.Parallel()
	file := peopleXLSX(t)
	for told, want := range map[string]string{"Other": "Other", "OTHER": "Other", "3": "Other", "2": "People", "People": "People"} {
		table, _ := inspect(t, file, tabular.FormatOptions{Sheet: told})
		if table.Format.Sheet != want {
			t.Errorf("%s is %+v", told, table.Format)
		}
	}
	hidden := book(t, map[string]string{
		"xl/workbook.xml": `<workbook><workbookPr/><sheets><sheet name="Lists" state="veryHidden" id="rId1"/><sheet name="Data" id="rId4"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relationsHead + relationXML("rId1", "worksheet", "worksheets/sheet1.xml") +
			relationXML("rId4", "worksheet", "worksheets/sheet2.xml") + `</Relationships>`,
		"xl/worksheets/sheet2.xml": sheetXML(cells("x") + cells("1")),
	})
	if table, _ := inspect(t, hidden, tabular.FormatOptions{}); table.Format.Sheet != "Data" || table.Schema[0].Name != "x" {
		t.Errorf("a hidden sheet goes first: %+v", table)
	}
}

func TestCells(t *testing.T) {
	t.Parallel()
	cell := func(kind, style, inside string) string {
		return fmt.Sprintf(`<c t=%q s=%q>%s</c>`, kind, style, inside)
	}
	tests := map[string]struct{ cell, want string }{
		"whole number":                {"<c><v>5</v></c>", "5"},
		"number":                      {"<c><v> 0.30000000000000004 </v></c>", "0.30000000000000004"},
		"exponent":                    {"<c><v>1E+300</v></c>", "1E+300"},
		"true":                        {cell("b", "0", "<v>1</v>"), "true"},
		"false":                       {cell("b", "0", "<v>0</v>"), "false"},
		"shared text":                 {cell("s", "0", "<v>1</v>"), "two\rlines _x and _x000D_"},
		"inline":                      {cell("inlineStr", "0", "<is><r><t>a</t></r><r><t> b</t></r></is>"), "a b"},
		"formula with a number":       {"<c><f>SUM(A1:A2)</f><v>3</v></c>", "3"},
		"formula with a text":         {cell("str", "0", "<f>A1&amp;\"x\"</f><v>yx</v>"), "yx"},
		"formula without a value":     {"<c><f>1+1</f></c>", "=1+1"},
		"formula with nothing":        {cell("str", "0", "<f>\"\"</f><v></v>"), "∅"},
		"formula without, written so": {cell("", "0", "<f>1+1</f><v/>"), "=1+1"},
		"formula with an error":       {cell("e", "0", "<f>1/0</f><v>#DIV/0!</v>"), "∅"},
		"part of a shared formula":    {`<c><f t="shared" si="0"/></c>`, "∅"},
		"time in ISO":                 {cell("d", "0", "<v>2024-01-02T03:04:05</v>"), "2024-01-02T03:04:05"},
		"date":                        {cell("n", "1", "<v>45292</v>"), "2024-01-01"},
		"date of a format":            {cell("n", "4", "<v>45292</v>"), "2024-01-01"},
		"date and time":               {cell("n", "2", "<v>45292.75</v>"), "2024-01-01T18:00:00"},
		"to the millisecond":          {cell("n", "2", "<v>45292.123456789</v>"), "2024-01-01T02:57:46.667"},
		"first day":                   {cell("n", "1", "<v>1</v>"), "1900-01-01"},
		"before the day that is not":  {cell("n", "1", "<v>59</v>"), "1900-02-28"},
		"behind it":                   {cell("n", "1", "<v>61</v>"), "1900-03-01"},
		"last day":                    {cell("n", "1", "<v>2958465</v>"), "9999-12-31"},
		"no day":                      {cell("n", "1", "<v>2958466</v>"), "2958466"},
		"before all days":             {cell("n", "1", "<v>-1</v>"), "-1"},
		"time of day":                 {cell("n", "3", "<v>0.75</v>"), "18:00:00"},
		"days":                        {cell("n", "5", "<v>1.5</v>"), "1.5"},
		"hours beyond a day":          {cell("n", "6", "<v>1.5</v>"), "1.5"},
		"unknown style":               {cell("n", "99", "<v>1.5</v>"), "1.5"},
		"text in a date":              {cell("n", "1", "<v>x</v>"), "x"},
		"comments and data":           {"<c><!-- x --><v><![CDATA[4]]>2</v><extLst><ext><v>7</v></ext></extLst></c>", "42"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rows := inspect(t, book(t, map[string]string{
				"xl/worksheets/sheet1.xml": sheetXML(cells("value", "other") + cells(tt.cell, "x") + cells("word", "y")),
				"xl/sharedStrings.xml":     `<sst><si><t>zero</t></si><si><t>two_x000D_lines _x and _x005F_x000D_</t></si></sst>`,
			}), tabular.FormatOptions{Header: new(true)})
			if rows[0][0] != tt.want {
				t.Errorf("got %q, want %q", rows[0][0], tt.want)
			}
		})
	}
	other := map[string]string{
		"xl/workbook.xml":          `<workbook><workbookPr date1904="1"/><sheets><sheet name="a" id="rId1"/></sheets></workbook>`,
		"xl/worksheets/sheet1.xml": sheetXML(cells("day") + cells(cell("n", "1", "<v>43830</v>"))),
	}
	if table, rows := inspect(t, book(t, other), tabular.FormatOptions{}); rows[0][0] != "2024-01-01T00:00:00Z" || table.Schema[0].Type != tabular.Datetime {
		t.Errorf("from 1904: %q", rows)
	}
}

func TestNumberFormats(t *testing.T) {
	t.Parallel()
	for code, date := range map[string]bool{
		"General": false, "0.00E+00": false, "#,##0.00 [$€-407]": false, `0 "days"`: false, `0\d`: false, "[Red]0": false, "0_d": false, "[>=100]0": false,
		"dd.mm.yyyy": true, "mmm": true, "[$-409]d-mmm-yy;@": true, `yyyy"年"m"月"`: true, "m/d/yy h:mm AM/PM": true, "0;yyyy": false, `"`: false, "[": false, `\`: false,
	} {
		_, rows := inspect(t, book(t, map[string]string{
			"xl/styles.xml":            `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="` + escaped(code) + `"/></numFmts><cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>`,
			"xl/worksheets/sheet1.xml": sheetXML(cells("value") + cells("45292")),
		}), tabular.FormatOptions{})
		if got := rows[0][0] != "45292"; got != date {
			t.Errorf("%q: %s", code, rows[0][0])
		}
	}
}

func TestSheetsWithoutHeader(t *testing.T) {
	t.Parallel()
	file := book(t, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(
		`<row r="5"><c r="C5"><v>1</v></c></row><row r="7"><c r="B7"><v>2</v></c><c r="D7"><v>3</v></c></row>` + strings.Repeat(cells("", "", "4"), 300) + cells("", "", "", "", "late"))})
	table, rows := inspect(t, file, tabular.FormatOptions{})
	want := tabular.Schema{
		{Name: "column_1", Type: tabular.Integer, Nullable: true},
		{Name: "column_2", Type: tabular.Integer, Nullable: true},
		{Name: "column_3", Type: tabular.Integer, Nullable: true},
		{Name: "column_4", Type: tabular.String, Nullable: true},
	}
	if table.Format.Header || !reflect.DeepEqual(table.Schema, want) || !reflect.DeepEqual(rows[1], []string{"2", "∅", "3", "∅"}) || rows[302][3] != "late" {
		t.Errorf("%+v, %q, %q", table, rows[:2], rows[302])
	}
	// Who does not know the columns reads the sheet once more.
	r, c, err := tabular.Open(t.Context(), memory(file), tabular.Options{Tolerant: true})
	if err != nil || !slices.Equal(r.Names(), want.Names()) {
		t.Fatalf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestValuesBesideTheTable(t *testing.T) {
	t.Parallel()
	file := book(t, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(cells("", "a", "b") + cells("", "1", "2") + cells("", "3", "4", "5") + cells("6") + cells("", "7", "8"))})
	_, err := tabular.Inspect(t.Context(), memory(file), tabular.Options{}, nil)
	checkFault(t, err, "xlsx_value_beside_table", "line 3", "row 2", "column D", "columns B to C")
	r, c, err := tabular.Open(t.Context(), memory(file), tabular.Options{Tolerant: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rows, numbers, lines, bad := collect(t, r)
	if len(rows) != 2 || !slices.Equal(numbers, []int64{1, 4}) || !slices.Equal(lines, []int64{2, 5}) || len(bad) != 2 || bad[1].Line != 4 {
		t.Errorf("rows %q, numbers %v, lines %v, bad %+v", rows, numbers, lines, bad)
	}
}

// Columns without a name are called by their place, also an index that pandas puts in
// front of the table.
func TestSheetsWithColumnsWithoutAName(t *testing.T) {
	t.Parallel()
	for rows, want := range map[string][]string{
		cells("a", "", "c") + cells("1", "2", "3"):              {"a", "column_2", "c"},
		cells("", "a", "b") + cells("0", "1", "2") + cells("1"): {"column_1", "a", "b"},
	} {
		file := book(t, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(rows)})
		table, err := tabular.Inspect(t.Context(), memory(file), tabular.Options{}, nil)
		if err != nil || !slices.Equal(table.Schema.Names(), want) {
			t.Errorf("%+v, error %v, want %q", table, err, want)
		}
	}
}

func TestWorkbooksThatAreRefused(t *testing.T) {
	t.Parallel()
	sheet := func(rows string) map[string]string {
		return map[string]string{"xl/worksheets/sheet1.xml": sheetXML(rows)}
	}
	wide := make([]string, 1<<14)
	for i := range wide {
		wide[i] = fmt.Sprintf("c%d", i)
	}
	many := strings.Repeat(`<sheet name="x" id="rId1"/>`, 1001)
	tests := []struct {
		name  string
		parts map[string]string
		code  string
		says  []string
	}{
		{"entities", map[string]string{"xl/worksheets/sheet1.xml": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet><sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>`}, "xlsx_document_type", []string{"sheet1.xml"}},
		{"an external entity", map[string]string{"xl/sharedStrings.xml": `<!DOCTYPE sst SYSTEM "file:///etc/passwd"><sst/>`}, "xlsx_document_type", []string{"sharedStrings.xml"}},
		{"an unknown entity", sheet(`<row><c><v>&b;</v></c></row>`), "xlsx_damaged", nil},
		{"16,384 columns", sheet(cells(wide...) + cells("1")), "xlsx_too_many_columns", []string{"16384", "10000"}},
		{"16,384 columns without a header", sheet(cells("1") + `<row r="3"><c r="XFD3"><v>2</v></c></row>`), "xlsx_too_many_columns", []string{"10000"}},
		{"a column beyond all", sheet(`<row r="3"><c r="XFE3"><v>2</v></c></row>`), "xlsx_damaged", nil},
		{"cells backwards", sheet(`<row r="3"><c r="B3"><v>2</v></c><c r="A3"><v>2</v></c></row>`), "xlsx_damaged", nil},
		{"rows backwards", sheet(`<row r="3"><c><v>2</v></c></row><row r="3"><c><v>2</v></c></row>`), "xlsx_damaged", []string{"sheet1.xml", "follows row 3"}},
		{"no text of that number", sheet(cells("a") + `<row><c t="s"><v>7</v></c></row>`), "xlsx_damaged", []string{"sheet1.xml: row 2", "no text number"}},
		{"cut off", map[string]string{"xl/worksheets/sheet1.xml": `<worksheet><sheetData><row>`}, "xlsx_damaged", nil},
		{"no rows in it", map[string]string{"xl/worksheets/sheet1.xml": `<worksheet></worksheet>`}, "xlsx_damaged", nil},
		{"another part", map[string]string{"xl/worksheets/sheet1.xml": `<chart/>`}, "xlsx_damaged", nil},
		{"not XML", map[string]string{"xl/worksheets/sheet1.xml": "\x00\x01"}, "xlsx_damaged", nil},
		{"a missing sheet", map[string]string{"xl/worksheets/sheet1.xml": ""}, "xlsx_damaged", nil},
		{"an endless text", sheet(cells("a") + `<row r="2"><c t="str"><v>` + strings.Repeat("x", 1<<20) + `</v></c></row>`), "xlsx_value_too_long", []string{"line 2"}},
		{"an endless text in pieces", sheet(cells("a") + `<row r="2"><c t="str"><v>` + strings.Repeat("x<!-- -->", 100_000) + `</v></c></row>`), "xlsx_value_too_long", nil},
		{"an endless attribute", sheet(`<row r="` + strings.Repeat("1", 1<<20) + `"></row>`), "xlsx_value_too_long", nil},
		{"header only", sheet(cells("a", "b")), "xlsx_header_only", []string{"Sheet1", "2 columns"}},
		{"a name twice", sheet(cells("a", "a ") + cells("1", "2")), "xlsx_duplicate_column", []string{"columns 1 and 2"}},
		{"hardly a name", sheet(cells("a", "", "", "", "e") + cells("1", "2", "3", "4")), "xlsx_empty_column_name", []string{"column 2"}},
		{"a title above the header", sheet(cells("Report") + cells("a", "b") + cells("1", "2")), "xlsx_value_beside_table", []string{"line 2", "above the header"}},
		{"nothing", sheet(""), "xlsx_empty", []string{"1 sheets"}},
		{"infinite", sheet(cells("a") + cells("1e999")), "infinite_value", []string{"line 2", "row 1"}},
		{"many sheets", map[string]string{"xl/workbook.xml": "<workbook><sheets>" + many + "</sheets></workbook>"}, "xlsx_too_many_sheets", nil},
		{"a binary workbook", map[string]string{"_rels/.rels": relationsHead + relationXML("r", "officeDocument", "xl/workbook.bin") + "</Relationships>", "xl/workbook.bin": "x"}, "xlsx_not_a_workbook", []string{".xlsb"}},
		{"a document", map[string]string{"_rels/.rels": relationsHead + relationXML("r", "officeDocument", "word/document.xml") + "</Relationships>", "word/document.xml": "<x/>"}, "xlsx_not_a_workbook", []string{".docx"}},
		{"OpenDocument", map[string]string{"_rels/.rels": "", "mimetype": "x", "content.xml": "<x/>"}, "xlsx_not_a_workbook", []string{".ods"}},
		{"another archive", map[string]string{"_rels/.rels": ""}, "xlsx_not_a_workbook", []string{"ZIP"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tabular.Inspect(t.Context(), memory(book(t, tt.parts)), tabular.Options{Limits: tabular.Limits{Field: 10_000}}, nil)
			checkFault(t, err, tt.code, tt.says...)
		})
	}
	_, err := tabular.Inspect(t.Context(), memory(peopleXLSX(t)), tabular.Options{Format: tabular.FormatOptions{Sheet: "Sheet9"}}, nil)
	checkFault(t, err, "unknown_sheet", `"Empty", "People", "Other"`, "body.sheet")
	_, err = tabular.Inspect(t.Context(), memory(peopleXLSX(t)), tabular.Options{Format: tabular.FormatOptions{Sheet: "Empty"}}, nil)
	checkFault(t, err, "xlsx_empty", `"Empty"`)
}

// TestDamagedArchives cuts a workbook off everywhere and changes each of its
// bytes: the answer is a table or a clear error.
func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	file := peopleXLSX(t)
	check := func(damaged string) {
		_, err := tabular.Inspect(t.Context(), memory(damaged), tabular.Options{Format: tabular.FormatOptions{Kind: "xlsx"}}, nil)
		if err != nil && fault.ClassOf(err) != fault.ClassInvalid {
			t.Fatalf("not a clear error: %v", err)
		}
	}
	for i := 0; i < len(file); i += 7 {
		check(file[:i])
		check(broken(file, -1-i))
	}
	// An archive that claims more files than it has bytes.
	claim := []byte(file[:len(file)-22])
	end64 := make([]byte, 56)
	copy(end64, "PK\x06\x06")
	copy(end64[32:], "\xff\xff\xff\xff\xff\x00\x00\x00")
	locator := make([]byte, 20)
	copy(locator, "PK\x06\x07")
	locator[8], locator[9], locator[10] = byte(len(claim)), byte(len(claim)>>8), byte(len(claim)>>16)
	claim = append(append(append(claim, end64...), locator...), file[len(file)-22:]...)
	_, err := tabular.Inspect(t.Context(), memory(claim), tabular.Options{}, nil)
	checkFault(t, err, "xlsx_too_many_parts")
	// And one whose directory would fill the memory.
	var parts []string
	for i := range 600 {
		parts = append(parts, fmt.Sprintf("%0*d", 32_000, i), "")
	}
	_, err = tabular.Inspect(t.Context(), memory(zipped(t, parts...)), tabular.Options{}, nil)
	checkFault(t, err, "xlsx_too_many_parts")
	// The flag of a password, in the directory and in front of each part.
	locked := strings.ReplaceAll(strings.ReplaceAll(file, "PK\x01\x02\x14\x00\x14\x00\x08", "PK\x01\x02\x14\x00\x14\x00\x09"), "PK\x03\x04\x14\x00\x08", "PK\x03\x04\x14\x00\x09")
	_, err = tabular.Inspect(t.Context(), memory(locked), tabular.Options{}, nil)
	checkFault(t, err, "xlsx_encrypted", "password")
}

// TestManyTexts checks that texts that do not fit into memory are found again.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	const rows = 400_000 // of 100 bytes
	var texts, sheet strings.Builder
	texts.WriteString("<sst>")
	sheet.WriteString(cells("text", "n"))
	for i := range rows {
		fmt.Fprintf(&texts, "<si><t>%0100d</t></si>", i)
	}
	texts.WriteString("</sst>")
	for i := 0; i < rows; i += 1000 {
		fmt.Fprintf(&sheet, `<row><c t="s"><v>%d</v></c><c><v>%d</v></c></row>`, (i*7919)%rows, (i*7919)%rows)
	}
	_, got := inspect(t, book(t, map[string]string{"xl/sharedStrings.xml": texts.String(), "xl/worksheets/sheet1.xml": sheetXML(sheet.String())}), tabular.FormatOptions{})
	for _, row := range got {
		if strings.TrimLeft(row[0], "0") != row[1] && row[1] != "0" || len(row[0]) != 100 {
			t.Fatalf("row %q", row)
		}
	}
	if len(got) != rows/1000 {
		t.Errorf("%d rows", len(got))
	}
}

// TestForeignWorkbooks reads what other programs have written.
func TestForeignWorkbooks(t *testing.T) {
	t.Parallel()
	want := tabular.Schema{
		{Name: "order", Type: tabular.Integer},
		{Name: "customer name", Type: tabular.String, Nullable: true},
		{Name: "placed", Type: tabular.Datetime},
		{Name: "ship day", Type: tabular.Datetime, Nullable: true},
		{Name: "total", Type: tabular.Float},
		{Name: "share", Type: tabular.Float},
		{Name: "paid", Type: tabular.Boolean, Nullable: true},
		{Name: "comment", Type: tabular.String, Nullable: true},
	}
	rows := [][]string{
		{"1", "Jürgen & Söhne", "2024-03-01T12:30:15Z", "2024-03-04T00:00:00Z", "12.5", "0.25", "true", "=A2+1"},
		{"2", "Zoë", "2023-12-31T23:59:59Z", "2024-01-02T00:00:00Z", "-3", "0.5", "false", "∅"},
		{"3", "∅", "1999-02-28T00:00:01Z", "∅", "1e-09", "1", "∅", "tab\there and \"quotes\""},
	}
	for _, program := range []string{"openpyxl", "excelize"} {
		file, err := os.ReadFile(filepath.Join("testdata", program+".xlsx"))
		if err != nil {
			t.Fatal(err)
		}
		table, got := inspect(t, string(file), tabular.FormatOptions{})
		if !reflect.DeepEqual(table.Schema, want) || !reflect.DeepEqual(got, rows) || table.Format.Sheet != "Orders" {
			t.Errorf("%s: %+v\n%q", program, table, got)
		}
	}
}
