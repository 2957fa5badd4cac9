package tabular

// Format is how a file is read: sniffed, told, or both.
type Format struct {
	Kind        string   `json:"kind"`                  // one of Kinds
	Compression string   `json:"compression,omitempty"` // gzip or zstd; empty: none
	Encoding    string   `json:"encoding,omitempty"`    // of text, one of Encodings; of records older than it: UTF-8
	Delimiter   string   `json:"delimiter,omitempty"`   // one character
	Quote       string   `json:"quote,omitempty"`       // one character
	Header      bool     `json:"header"`                // whether the file names the columns, CSV and sheets in the first record
	BOM         bool     `json:"bom,omitempty"`         // whether the text began with a byte order mark
	Sheet       string   `json:"sheet,omitempty"`       // of a workbook
	Sheets      []string `json:"sheets,omitempty"`      // all that the workbook has, in order
}

// Type is the type of a column.
type Type string

// The types.
const (
	Integer  Type = "integer"
	Float    Type = "float"
	Boolean  Type = "boolean"
	String   Type = "string"
	Datetime Type = "datetime"
)

// Field is one column of a table.
type Field struct {
	Name     string `json:"name"`
	Type     Type   `json:"type"`
	Nullable bool   `json:"nullable"`
	// How texts are read, when the plain grammar of the type does not read them.
	Layout  Layout `json:"layout,omitempty"`
	Unit    string `json:"unit,omitempty"`    // the currency of all amounts; empty: any, or none
	Lenient bool   `json:"lenient,omitempty"` // values that disagree are missing, not mistakes
}

// Schema is the columns of a table, in order.
type Schema []Field

// Lookup returns the field of that name.
func (s Schema) Lookup(name string) (Field, bool) {
	for _, f := range s {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Names returns the names of the columns, in order.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i, f := range s {
		names[i] = f.Name
	}
	return names
}
