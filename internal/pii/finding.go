package pii

// Kind is a kind of personal data.
type Kind string

// The kinds.
const (
	Email            Kind = "email"
	Phone            Kind = "phone"
	SSN              Kind = "ssn" // of the United States
	NationalID       Kind = "national_id"
	CreditCard       Kind = "credit_card"
	IBAN             Kind = "iban"
	IPAddress        Kind = "ip_address"
	DateOfBirth      Kind = "date_of_birth"
	PersonName       Kind = "person_name"
	Address          Kind = "address"
	MedicalID        Kind = "medical_id"
	FinancialAccount Kind = "financial_account"
	APIKey           Kind = "api_key" // keys, tokens and passwords
	Other            Kind = "other"   // somebody says so
)

// Kinds returns all kinds that are looked for.
func Kinds() []Kind {
	return []Kind{
		Email, Phone, SSN, NationalID, CreditCard, IBAN, IPAddress, DateOfBirth, PersonName, Address, MedicalID, FinancialAccount, APIKey,
	}
}

// Risk says how much harm a column can do.
type Risk string

// The risks.
const (
	NoRisk Risk = "none"
	Low    Risk = "low"
	Medium Risk = "medium"
	High   Risk = "high"
)

// rank orders risks.
func (r Risk) rank() int {
	switch r {
	case High:
		return 3
	case Medium:
		return 2
	case Low:
		return 1
	case NoRisk:
	}
	return 0
}

// Worst returns the higher of two risks.
func Worst(a, b Risk) Risk {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// Threshold is the confidence from which on a column counts as personal data.
const Threshold = 0.5

// sure is the confidence from which on a kind has its whole risk.
const sure = 0.8

// Risk returns the risk of a column of the kind that was found with a confidence.
func (k Kind) Risk(confidence float64) Risk {
	switch k {
	case SSN, NationalID, CreditCard, IBAN, MedicalID, FinancialAccount, APIKey:
		if confidence >= sure {
			return High
		}
		return Medium
	case IPAddress:
		return Low
	default:
		if confidence >= sure {
			return Medium
		}
		return Low
	}
}

// Finding says that a column holds personal data, and why. It has no value of
// the column.
type Finding struct {
	Column     string  `json:"column"`
	Kind       Kind    `json:"type"`
	Confidence float64 `json:"confidence"`
	Risk       Risk    `json:"risk"`
	Matched    int64   `json:"matched"`         // values that the check holds for
	LookedAt   int64   `json:"looked_at"`       // all values that are not missing
	Name       string  `json:"name,omitempty"`  // the words of the column's name that speak for it
	Check      string  `json:"check,omitempty"` // that holds for the values
	Made       bool    `json:"made,omitempty"`  // of a column of personal data, by steps: it is personal whatever its values look like
}
