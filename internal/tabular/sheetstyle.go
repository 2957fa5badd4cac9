package tabular

import (
	"encoding/xml"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// numberStyle says what a number in a cell stands for.
type numberStyle uint8

const (
	plainNumber numberStyle = iota
	dateNumber              // days, shown as a date, or as a date and a time
	timeNumber              // the fraction of a day, shown as a time
)

// builtInStyle returns what the numbered formats stand for that every
// workbook has without saying so.
func builtInStyle(id int) numberStyle {
	switch {
	case id >= 14 && id <= 17, id == 22, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 58:
		return dateNumber
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 47:
		return timeNumber
	default:
		return plainNumber
	}
}

// readStyles reads the formats of numbers.
func (w *workbook) readStyles(p *part) error {
	own := make(map[int]numberStyle)
	for {
		e, ok, err := p.start()
		if err != nil || !ok {
			return err
		}
		switch e.Name.Local {
		case "numFmts":
			err = p.each("numFmt", func(e xml.StartElement) error {
				id, err := strconv.Atoi(attribute(e, "numFmtId"))
				if err != nil || len(own) > maxStyles {
					return errWorkbook(errors.New("a format of numbers has no number, or there are too many"))
				}
				own[id] = styleOf(attribute(e, "formatCode"))
				return p.skip()
			})
		case "cellXfs":
			err = p.each("xf", func(e xml.StartElement) error {
				id, _ := strconv.Atoi(attribute(e, "numFmtId")) // zero is the general format
				style, ok := own[id]
				if !ok {
					style = builtInStyle(id)
				}
				if len(w.styles) > maxStyles {
					return errWorkbook(errors.New("there are too many formats of cells"))
				}
				w.styles = append(w.styles, style)
				return p.skip()
			})
		default:
			err = p.skip()
		}
		if err != nil {
			return err
		}
	}
}

// styleOf tells by its code what a format shows: years and days are those of a
// date; hours and seconds without them are a time. Hours of more than a day,
// which are in brackets, are a quantity.
func styleOf(code string) numberStyle {
	const dates, times = "yd", "hs"
	style, month := plainNumber, false
	code = strings.ToLower(code)
	for _, name := range []string{"general", "am/pm", "a/p"} {
		code = strings.ReplaceAll(code, name, "")
	}
	for i := 0; i < len(code); i++ {
		c := code[i]
		switch {
		case c == ';': // what follows is for other numbers
			i = len(code)
		case c == '\\' || c == '_' || c == '*':
			i++ // a character that is shown as it is
		case c == '"':
			k := strings.IndexByte(code[i+1:], '"')
			if k < 0 {
				i = len(code)
			}
			i += k + 1
		case c == '[':
			k := strings.IndexByte(code[i+1:], ']')
			if k < 0 {
				k = len(code)
			}
			if inside := code[i+1 : min(i+1+k, len(code))]; inside != "" && strings.Trim(inside, "hms") == "" {
				return plainNumber
			}
			i += k + 1
		case strings.IndexByte(dates, c) >= 0:
			return dateNumber
		case strings.IndexByte(times, c) >= 0:
			style = timeNumber
		case c == 'm':
			month = true
		}
	}
	if month && style == plainNumber {
		return dateNumber
	}
	return style
}

// dayMillis is a day in milliseconds, as exact as days in workbooks are.
const dayMillis = 24 * 60 * 60 * 1000

// lastDay is the number of 9999-12-31, the last day that spreadsheets know.
const lastDay = 2_958_465

// styled returns the text of a number in a cell: of a date or a time in the way
// that this package reads them, else as it is.
func (w *workbook) styled(number string, style numberStyle, to []byte) []byte {
	days, err := strconv.ParseFloat(number, 64)
	if style == plainNumber || err != nil || math.IsNaN(days) || days < 0 || days >= lastDay+1 {
		return append(to, number...)
	}
	millis := int64(math.Round(days * dayMillis))
	if style == timeNumber {
		at := time.UnixMilli(millis % dayMillis).UTC()
		return at.AppendFormat(to, "15:04:05.999")
	}
	// Spreadsheets count from 1899-12-30, since they take 1900 for a leap year;
	// before its 29th of February from a day later.
	zero := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case w.date1904:
		zero = time.Date(1904, time.January, 1, 0, 0, 0, 0, time.UTC)
	case days < 60:
		zero = zero.AddDate(0, 0, 1)
	}
	at := time.UnixMilli(zero.UnixMilli() + millis).UTC()
	if millis%dayMillis == 0 {
		return at.AppendFormat(to, time.DateOnly)
	}
	return at.AppendFormat(to, "2006-01-02T15:04:05.999")
}
