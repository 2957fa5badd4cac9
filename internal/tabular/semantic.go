package tabular

import "slices"

// Semantic is what a column means: the type that people see, choose and
// override. How its values are stored is its [Type].
type Semantic string

// The types of columns.
const (
	SemanticInteger     Semantic = "integer"
	SemanticFloat       Semantic = "float"
	SemanticBoolean     Semantic = "boolean"
	SemanticString      Semantic = "string"
	SemanticCategorical Semantic = "categorical" // few values that come back
	SemanticDate        Semantic = "date"
	SemanticDatetime    Semantic = "datetime"
	SemanticTime        Semantic = "time" // of day
	SemanticEmail       Semantic = "email"
	SemanticPhone       Semantic = "phone"
	SemanticURL         Semantic = "url"
	SemanticCurrency    Semantic = "currency"
	SemanticPercentage  Semantic = "percentage"
	SemanticJSON        Semantic = "json"
	SemanticText        Semantic = "text"       // prose
	SemanticIdentifier  Semantic = "identifier" // names one thing, and is no quantity
)

// Semantics returns all types of columns.
func Semantics() []Semantic {
	return []Semantic{
		SemanticInteger, SemanticFloat, SemanticBoolean, SemanticString, SemanticCategorical, SemanticDate, SemanticDatetime, SemanticTime,
		SemanticEmail, SemanticPhone, SemanticURL, SemanticCurrency, SemanticPercentage, SemanticJSON, SemanticText, SemanticIdentifier,
	}
}

// Storage returns the types that values of s are stored as, the usual one
// first, and none for what is no type:
//
//	integer, percentage, currency, …   numbers: a percentage is the number before
//	                                   the sign, an amount the number beside it
//	date                               a datetime at midnight UTC
//	time                               a float, the seconds since midnight
//	identifier                         text, or the whole numbers it came as
//	all others that are not numbers    text
func (s Semantic) Storage() []Type {
	switch s {
	case SemanticInteger:
		return []Type{Integer}
	case SemanticCurrency, SemanticPercentage:
		return []Type{Float, Integer}
	case SemanticFloat, SemanticTime:
		return []Type{Float}
	case SemanticBoolean:
		return []Type{Boolean}
	case SemanticDate, SemanticDatetime:
		return []Type{Datetime}
	case SemanticIdentifier:
		return []Type{String, Integer}
	case SemanticString, SemanticCategorical, SemanticEmail, SemanticPhone, SemanticURL, SemanticJSON, SemanticText:
		return []Type{String}
	default:
		return nil
	}
}

// Holds reports whether a column that is stored as t can be of the type s.
func (s Semantic) Holds(t Type) bool { return slices.Contains(s.Storage(), t) }

// SemanticOf returns the type that follows from how a column is stored alone.
func SemanticOf(f Field) Semantic {
	switch f.Layout {
	case Clock:
		return SemanticTime
	case PointCurrency, CommaCurrency:
		return SemanticCurrency
	case PointPercent, CommaPercent:
		return SemanticPercentage
	default:
	}
	switch f.Type {
	case Integer:
		return SemanticInteger
	case Float:
		return SemanticFloat
	case Boolean:
		return SemanticBoolean
	case Datetime:
		return SemanticDatetime
	default:
		return SemanticString
	}
}

// forms returns the forms of the texts that are values of s, by the layouts
// that they may have; none when every text is one.
func (s Semantic) forms() []Forms {
	switch s {
	case SemanticInteger:
		return []Forms{FormInteger}
	case SemanticFloat:
		return []Forms{FormFloat, FormPoint, FormComma}
	case SemanticBoolean:
		return []Forms{FormBoolean}
	case SemanticDatetime:
		return []Forms{FormDatetime}
	case SemanticDate:
		return []Forms{FormYearFirst, FormDayFirst, FormMonthFirst, FormNamedMonth}
	case SemanticTime:
		return []Forms{FormClock}
	case SemanticEmail:
		return []Forms{FormEmail}
	case SemanticPhone:
		return []Forms{FormPhone}
	case SemanticURL:
		return []Forms{FormURL}
	case SemanticCurrency:
		return []Forms{FormPointCurrency, FormCommaCurrency}
	case SemanticPercentage:
		return []Forms{FormPointPercent, FormCommaPercent}
	case SemanticJSON:
		return []Forms{FormJSON}
	case SemanticIdentifier:
		return []Forms{FormUUID}
	default:
		return nil
	}
}

// Forms returns the forms of the texts that are values of s, in whatever layout;
// 0 when every text is one.
func (s Semantic) Forms() Forms {
	all := Forms(0)
	for _, f := range s.forms() {
		all |= f
	}
	if s == SemanticIdentifier {
		return 0 // a UUID is one, and so is much else
	}
	return all
}

// Role is what a column is for.
type Role string

// The roles; most columns have none.
const (
	RoleTarget Role = "target" // what is to be predicted; one column at most
	RoleID     Role = "id"     // names the row
	RoleWeight Role = "weight" // how much the row counts; one column at most
	RoleGroup  Role = "group"  // rows with the same value belong together; one column at most
	RoleTime   Role = "time"   // when it was; one column at most
	RoleIgnore Role = "ignore" // of no use
)

// Roles returns all roles.
func Roles() []Role {
	return []Role{RoleTarget, RoleID, RoleWeight, RoleGroup, RoleTime, RoleIgnore}
}

// Single reports whether one column of a table at most has the role.
func (r Role) Single() bool { return r != RoleID && r != RoleIgnore }
