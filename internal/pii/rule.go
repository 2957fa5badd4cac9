package pii

// rule says from when on values that have a form make a column one of a kind.
type rule struct {
	kind     Kind
	forms    forms
	check    string  // what holds, for people
	alone    float64 // share of values from which on they count without the name; 0: never
	strength float64 // confidence without the name, when all values have the form
	named    float64 // share from which on they count when the name says so; 0: never
	strong   bool    // only with a name that says it by itself
	distinct int     // different values that there must be without the name
	least    int64   // values that there must be without the name
}

// rules are in the order in which they win over each other at the same confidence.
// Names of people have evidence instead, which adds up; see weights.
//
//nolint:gochecknoglobals // a constant table
var rules = []rule{
	{kind: APIKey, forms: keyForm, check: "a mark that an issuer of keys gives", alone: 0.2, strength: 0.97, named: 0.05, least: 1},
	{kind: Email, forms: emailForm, check: "the form of an address", alone: 0.5, strength: 0.97, named: 0.1},
	{kind: IBAN, forms: ibanForm, check: "country, length and MOD 97-10", alone: 0.6, strength: 0.98, named: 0.3},
	{kind: CreditCard, forms: cardForm, check: "issuer, length and Luhn", alone: 0.8, strength: 0.97, named: 0.5},
	{kind: NationalID, forms: nationalForm, check: "form and check digits of a country", alone: 0.7, strength: 0.95, named: 0.4},
	{kind: NationalID, forms: nationalCheck, check: "length and check digits of a country", alone: 0.95, strength: 0.85, named: 0.6, distinct: 4},
	{kind: SSN, forms: ssnForm, check: "form and ranges of numbers that are given", alone: 0.7, strength: 0.93, named: 0.4},
	{kind: SSN, forms: ssnForm | ssnDigits, check: "nine digits in ranges that are given", named: 0.8},
	{kind: MedicalID, forms: mbiForm, check: "the form of a Medicare identifier", alone: 0.9, strength: 0.9, named: 0.5, distinct: 2},
	{kind: MedicalID, forms: medicalForm, check: "the mark of a medical record", alone: 0.7, strength: 0.85, named: 0.4},
	{kind: MedicalID, forms: nhsForm, check: "ten digits and MOD 11", alone: 0.98, strength: 0.6, named: 0.7, distinct: 12},
	{kind: Phone, forms: phoneForm, check: "code of a country, or groups of digits, and length", alone: 0.7, strength: 0.9, named: 0.3, distinct: 2},
	{kind: Phone, forms: phoneForm | phoneNational, check: "a zero before the code of a place, and length", alone: 0.85, strength: 0.72, named: 0.5, distinct: 12},
	{kind: Phone, forms: phoneForm | phoneDigits, check: "as many digits as numbers have", named: 0.7},
	{kind: IPAddress, forms: ip4High, check: "four bytes, beyond the numbers of versions", alone: 0.6, strength: 0.9, named: 0.3},
	{kind: IPAddress, forms: ip4Form | ip6Form, check: "the form of an address of the internet", named: 0.7},
	{kind: IPAddress, forms: ip6Form, check: "the form of an address of IPv6", alone: 0.6, strength: 0.95, named: 0.3},
	{kind: FinancialAccount, forms: accountForm | routingForm | swiftForm | ibanForm, check: "the form of a number of an account or a bank", named: 0.8, strong: true},
	{kind: NationalID, forms: nationalName | idForm | nationalForm | nationalCheck, check: "the form of a number of a person", named: 0.8, strong: true},
	{kind: NationalID, forms: nationalName, check: "nine digits and a check digit", named: 0.9},
	{kind: MedicalID, forms: idForm | medicalForm | nhsForm | mbiForm, check: "the form of a number", named: 0.8, strong: true},
	{kind: DateOfBirth, forms: dateForm, check: "dates on which people are born", named: 0.7},
	{kind: Address, forms: streetForm, check: "a number and a word for a street", alone: 0.5, strength: 0.85, named: 0.2, distinct: 2},
	{kind: Address, forms: streetForm | addressShape, check: "words and a number", named: 0.5, strong: true},
	{kind: APIKey, forms: secretForm | keyForm, check: "letters and digits without an order", named: 0.7},
	{kind: APIKey, forms: passwordForm, check: "words without spaces", named: 0.8, strong: true},
	{kind: Email, forms: emailForm | emailInside, check: "an address within the text", alone: 0.02, strength: 0.7, named: 0.05, least: 3},
}

// likely is the confidence at which a share of values that is just enough starts,
// relative to the rule's strength.
const likely = 0.75

// value returns the confidence that the values give, without the name.
func (r *rule) value(share float64, matched int64, distinct int) float64 {
	if r.alone == 0 || share < r.alone || matched < r.least || distinct < r.distinct {
		return 0
	}
	const certain = 0.95
	grown := 1.0
	if share < certain && r.alone < certain {
		grown = likely + (1-likely)*(share-r.alone)/(certain-r.alone)
	}
	v := r.strength * grown
	if matched < 3 {
		v *= 0.9 // hardly anything was seen
	}
	return v
}

// together returns the confidence that values and name give.
func (r *rule) together(share float64, matched int64, distinct int, name hint) float64 {
	v := r.value(share, matched, distinct)
	if name.strength == 0 || r.named == 0 || share < r.named || matched == 0 || r.strong && name.strength < strongName {
		return v
	}
	// What is not enough by itself still speaks for what the name says.
	const supports = 0.4
	v = max(v, supports*share)
	return 1 - (1-v)*(1-name.strength)
}
