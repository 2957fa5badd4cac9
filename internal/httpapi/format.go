package httpapi

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

// maxSniffBytes is how much of a file is looked at.
const maxSniffBytes = 1 << 20

// Sniffed is how the beginning of a file would be read.
type Sniffed struct {
	Format  Format     `json:"format"`
	Columns []Column   `json:"columns" nullable:"false" doc:"By the rows that were looked at; the whole file decides. Empty for workbooks and Parquet"`
	Rows    [][]any    `json:"rows" nullable:"false" doc:"The first rows as texts, with null where a value is missing. Empty for workbooks and Parquet, of which the beginning tells the kind alone"`
	Bad     []SniffBad `json:"bad" nullable:"false" doc:"Rows that could not be read"`
}

// SniffBad is a row that could not be read.
type SniffBad struct {
	Row    int64  `json:"row" doc:"From 1, without the header"`
	Line   int64  `json:"line,omitempty" doc:"Of the file, from 1"`
	Column string `json:"column,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

type sniffOutput struct{ Body Sniffed }

func (s *server) registerSniff() {
	op := operation(tagDatasets, "POST /datasets/sniff", "sniff-dataset", "See how a file would be read",
		`Send the beginning of a file, as in an upload, before you upload it: nothing is stored. The answer shows what is found out about its format, and the first rows. Fields before the file override what is found out, as they do in an upload.`,
		http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests)
	op.Metadata[metaStreams] = true
	register(s, op, s.sniff)
	body := formatForm(map[string]*huma.Schema{
		"part": {Type: huma.TypeString, Enum: []any{"true", "false"}, Description: "Whether the file goes on behind what is sent; default false"},
		"file": {Type: huma.TypeString, Format: "binary", Description: "The beginning of the file; the last part of the form"},
	})
	body.Description = "A form whose last part is the beginning of a file, at most " + strconv.Itoa(maxSniffBytes) + " bytes of it."
	s.api.OpenAPI().Paths[op.Path].Post.RequestBody = body
}

func (s *server) sniff(ctx context.Context, _ *struct{}) (*sniffOutput, error) {
	release, err := s.uploads.acquire()
	if err != nil {
		return nil, err
	}
	defer release()
	x := exchangeOf(ctx)
	parts, body, err := s.form(x)
	if err != nil {
		return nil, err
	}
	defer body.end()
	fields := &uploadFields{set: setSniffField}
	file, err := fields.read(parts)
	if err != nil {
		return nil, body.explain(err)
	}
	head, err := io.ReadAll(io.LimitReader(file, maxSniffBytes+1))
	if err != nil {
		return nil, body.explain(err)
	}
	if len(head) > maxSniffBytes {
		return nil, fault.TooLarge("sample_too_large", "the file has more than %d bytes; send its beginning and the field part=true before it", maxSniffBytes).
			With(fault.Field{Location: "body.file", Message: "at most " + strconv.Itoa(maxSniffBytes) + " bytes"})
	}
	x.allow(s.config.RequestTimeout)
	found, err := dataset.Sniff(ctx, head, !fields.part, fields.up.Options)
	if err != nil {
		return nil, err
	}
	return &sniffOutput{Body: viewSample(found)}, nil
}

// setSniffField takes over one field of the form.
func setSniffField(f *uploadFields, name, value string) error {
	if name == "part" {
		return setTruth(&f.part, name, value)
	}
	known, err := setFormatField(&f.up.Options, name, value)
	if err == nil && !known {
		err = unknownField(name, append([]string{"part"}, formatFields()...))
	}
	return err
}

func viewSample(found *tabular.Beginning) Sniffed {
	v := Sniffed{Format: *viewFormat(found.Format), Columns: viewColumns(found.Schema), Rows: found.Rows, Bad: make([]SniffBad, 0, len(found.Bad))}
	if v.Rows == nil {
		v.Rows = [][]any{}
	}
	for _, b := range found.Bad {
		v.Bad = append(v.Bad, SniffBad{Row: b.Row, Line: b.Line, Column: b.Column, Code: b.Code, Reason: b.Reason})
	}
	return v
}

// FileFormat is what a request knows about a file.
type FileFormat struct {
	Kind        string `json:"kind,omitempty" enum:"csv,json,jsonl,xlsx,parquet" doc:"What the file is; default: found out"`
	Compression string `json:"compression,omitempty" enum:"none,gzip,zstd" doc:"Around a file of text; default: found out"`
	Encoding    string `json:"encoding,omitempty" maxLength:"40" doc:"Of text; default: found out"`
	Delimiter   string `json:"delimiter,omitempty" maxLength:"1" doc:"Between fields of CSV: a comma, a tab, a semicolon or a bar; default: found out"`
	Quote       string `json:"quote,omitempty" maxLength:"1" doc:"Around fields of CSV: \" or '; default: found out"`
	Header      *bool  `json:"header,omitempty" doc:"Whether the first record of CSV or of a sheet names the columns; default: found out"`
	Sheet       string `json:"sheet,omitempty" maxLength:"200" doc:"Of a workbook, by its name or its number from 1; default: the first that holds something"`
}

func (f FileFormat) options() dataset.FormatOptions {
	return dataset.FormatOptions{
		Kind: f.Kind, Compression: f.Compression, Encoding: f.Encoding, Delimiter: f.Delimiter, Quote: f.Quote, Header: f.Header, Sheet: f.Sheet,
	}
}

// formatFields are the fields of a form that say how a file is to be read.
func formatFields() []string {
	return []string{"kind", "compression", "encoding", "delimiter", "quote", "header", "sheet"}
}

// setFormatField takes over a field that says how the file is to be read; known
// says that it is one.
func setFormatField(o *dataset.FormatOptions, name, value string) (known bool, err error) {
	switch name {
	case "kind":
		o.Kind = value
	case "compression":
		o.Compression = value
	case "encoding":
		o.Encoding = value
	case "delimiter":
		if value == `\t` {
			value = "\t"
		}
		o.Delimiter = value
	case "quote":
		o.Quote = value
	case "header":
		o.Header = new(bool)
		err = setTruth(o.Header, name, value)
	case "sheet":
		o.Sheet = value
	default:
		return false, nil
	}
	return true, err
}

func setTruth(to *bool, name, value string) error {
	if value != "true" && value != "false" {
		return fault.Invalid("invalid_request", "the field %s is %q; it must be true or false", name, clean(value)).
			With(fault.Field{Location: "body." + name, Message: "must be true or false", Value: clean(value)})
	}
	*to = value == "true"
	return nil
}

func unknownField(name string, known []string) error {
	return fault.Invalid("unknown_field", "the form has a field %q; it may have %s before the file", clean(name), strings.Join(known, ", ")).
		With(fault.Field{Location: "body." + clean(name), Message: "is not a known field"})
}

// formatForm describes a form of the fields that say how a file is to be read,
// and others.
func formatForm(others map[string]*huma.Schema) *huma.RequestBody {
	text := func(doc string, longest int) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: doc, MaxLength: &longest}
	}
	oneOf := func(doc string, values []string) *huma.Schema {
		s := &huma.Schema{Type: huma.TypeString, Description: doc}
		for _, v := range values {
			s.Enum = append(s.Enum, v)
		}
		return s
	}
	properties := map[string]*huma.Schema{
		"kind":        oneOf("What the file is; default: found out", tabular.Kinds()),
		"compression": oneOf("Around a file of text; default: found out", tabular.Compressions()),
		"encoding":    text("Of text: "+strings.Join(tabular.Encodings(), ", ")+"; default: found out", maxFieldBytes),
		"delimiter":   text("Between fields of CSV: a comma, a tab (which may be written \\t), a semicolon or a bar; default: found out", len(`\t`)),
		"quote":       text("Around fields of CSV: \" or '; default: found out", 1),
		"header":      oneOf("Whether the first record of CSV or of a sheet names the columns; default: found out", []string{"true", "false"}),
		"sheet":       text("Of a workbook, by its name or its number from 1; default: the first that holds something", maxFieldBytes),
	}
	maps.Copy(properties, others)
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"multipart/form-data": {
			Schema:   &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"file"}, Properties: properties},
			Encoding: map[string]*huma.Encoding{"file": {ContentType: fileTypes}},
		}},
	}
}

// fileTypes are the media types of files that are read.
const fileTypes = "text/csv, text/tab-separated-values, application/json, application/jsonl, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/vnd.apache.parquet, application/gzip, application/zstd, application/octet-stream"

// uploadForm describes the form of an upload. It is added to the description
// after the operation is registered: huma would read a body that it knows of.
func uploadForm(limit int64) *huma.RequestBody {
	longest, longestAfter := maxFieldBytes, maxAfterBytes
	body := formatForm(map[string]*huma.Schema{
		"name":     {Type: huma.TypeString, Description: "A name for the data set; default: the file's", MaxLength: &longest},
		"priority": {Type: huma.TypeString, Pattern: "^[0-9]$", Description: "How urgent the ingest job is among those of your tenant, 0 to 9; default 5"},
		fieldAfter: {Type: huma.TypeString, Description: "Jobs that have to succeed before the file is read in, at most 100, with commas between them; until then the ingest job is waiting. Default: none", MaxLength: &longestAfter},
		"file":     {Type: huma.TypeString, Format: "binary", Description: "The file: CSV, JSON, JSON Lines, an Excel workbook (.xlsx) or Parquet; the last part of the form"},
	})
	body.Description = "A form whose last part is the file, of at most " + strconv.FormatInt(limit, 10) + " bytes. The file is passed on as it arrives."
	return body
}
