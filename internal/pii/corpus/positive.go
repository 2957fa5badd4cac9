package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
)

func splitNames(names string) []string { return strings.Split(names, ",") }

// Given and family names; about a third are in no list of the search.
func given(r *rand.Rand) string {
	return pick(r, "James", "Maria", "Wei", "Olga", "José", "Fatima", "Hans", "Giulia", "Pierre", "Priya", "Lars", "Agnieszka", "Kwame", "Yuki", "Emma", "Luca", "Anna", "David",
		"Siobhán", "Tarquin", "Ottoline", "Bertrand", "Xochitl", "Ikaika", "Ngaire", "Zdeňka", "Sunniva")
}

func family(r *rand.Rand) string {
	return pick(r, "Smith", "García", "Müller", "Rossi", "Nguyen", "Kowalski", "Tanaka", "Singh", "Johansson", "Dubois", "Okafor", "Jones", "Silva", "Kim", "Schneider",
		"Featherstonehaugh", "Quackenbush", "Ó Briain", "van der Zee", "Szczepański", "Mbeki", "Papadopoulos", "Thistlewood", "Hakkarainen")
}

func person(r *rand.Rand, _ int) string { return given(r) + " " + family(r) }

func email(r *rand.Rand, row int) string {
	user := strings.ToLower(word(r, "abcdefghijklmnoprstuvw", 4+r.IntN(5)))
	return user + pick(r, "", ".", "_", "+x.") + strconv.Itoa(row) + "@" + pick(r, "example.com", "mail.example.org", "uni-beispiel.de", "exemple.fr", "example.co.uk")
}

func phoneUS(r *rand.Rand, _ int) string {
	a, b, c := strconv.Itoa(201+r.IntN(700)), strconv.Itoa(230+r.IntN(700)), pad(r.IntN(10_000), 4)
	if a[1:] == "11" {
		a = "212"
	}
	if b[1:] == "11" {
		b = "555"
	}
	switch r.IntN(4) {
	case 0:
		return "(" + a + ") " + b + "-" + c
	case 1:
		return a + "-" + b + "-" + c
	case 2:
		return "+1 " + a + " " + b + " " + c
	default:
		return a + "." + b + "." + c
	}
}

func phoneInternational(r *rand.Rand, _ int) string {
	return pick(r, "+49 30 "+digits(r, 7), "+44 20 "+digits(r, 4)+" "+digits(r, 4), "+33 1 "+digits(r, 2)+" "+digits(r, 2)+" "+digits(r, 2)+" "+digits(r, 2),
		"+34 6"+digits(r, 8), "+91 9"+digits(r, 9), "+39 06 "+digits(r, 7), "+55 11 9"+digits(r, 8), "+48 "+digits(r, 9), "+46 70-"+digits(r, 7), "+81 90 "+digits(r, 8))
}

func birth(layout string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, _ int) string {
		return time.Date(1935, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(365*70)).Format(layout)
	}
}

func streetUS(r *rand.Rand, _ int) string {
	return strconv.Itoa(1+r.IntN(9999)) + " " + pick(r, "", "N ", "West ") + pick(r, "Oak", "Maple", "Main", "Washington", "5th", "Sunset", "Lakeview") + " " + pick(r, "St", "Street", "Ave", "Avenue", "Rd", "Blvd", "Lane", "Drive") + pick(r, "", ", Apt 4B", " #12", ", Springfield, IL 62704")
}

func streetEurope(r *rand.Rand, _ int) string {
	n := strconv.Itoa(1 + r.IntN(180))
	return pick(r, "Hauptstraße "+n, "Lindenweg "+n+", 10115 Berlin", "Goethestr. "+n, n+" rue de la Paix", n+" avenue Victor Hugo, 75016 Paris", "Calle Mayor "+n, "Via Roma "+n, "Viale Monza "+n, "Keizersgracht "+n, "Kerkstraat "+n+" Amsterdam", "Rua Augusta "+n, "Storgatan "+n)
}

func ip4(r *rand.Rand, _ int) string {
	return strconv.Itoa(11+r.IntN(212)) + "." + strconv.Itoa(r.IntN(256)) + "." + strconv.Itoa(r.IntN(256)) + "." + strconv.Itoa(r.IntN(256))
}

func ip6(r *rand.Rand, _ int) string {
	const hex = "0123456789abcdef"
	return "2001:db8:" + word(r, hex, 4) + ":" + word(r, hex, 3) + "::" + word(r, hex, 4)
}

func apiKey(r *rand.Rand, _ int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	switch r.IntN(4) {
	case 0:
		return "AKIA" + word(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
	case 1:
		return "ghp_" + word(r, letters, 36)
	case 2:
		return "sk_live_" + word(r, letters, 24)
	default:
		return "eyJ" + word(r, letters, 20) + "." + word(r, letters, 40) + "." + word(r, letters, 43)
	}
}

func plain(f func(*rand.Rand) string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, _ int) string { return f(r) }
}

// note is a sentence, now and then with an address of mail.
func note(r *rand.Rand, row int) string {
	if r.IntN(6) == 0 {
		return "Called back, wants the offer sent to " + email(r, row) + " by Friday."
	}
	return pick(r, "Wants to be called again next week.", "No answer, left a message.", "Contract is to be renewed in May.", "Asked for a discount of 10 percent.")
}

func spaced(s string, sizes ...int) string {
	var parts []string
	for _, n := range sizes {
		parts = append(parts, s[:n])
		s = s[n:]
	}
	return strings.Join(parts, " ")
}

func positives() []source {
	cards := plain(cardNumber)
	return []source{
		{pii.Email, "email,e-mail,user_email,contactEmail,mail,correo,col_7,value", email, 0},
		{pii.Email, "EmailAddress,login,x1", email, 20},
		{pii.Email, "notes,comment,remarks", note, 10},
		{pii.Phone, "phone,mobile,PhoneNumber,tel,c12,contact", phoneUS, 5},
		{pii.Phone, "telefon,phone_number,fax,field_3,number", phoneInternational, 10},
		{pii.Phone, "phone,mobile_number,telefono", func(r *rand.Rand, _ int) string { return strconv.Itoa(2+r.IntN(8)) + digits(r, 9) }, 0},
		{pii.SSN, "ssn,SocialSecurityNumber,social_security,id_code,c3", plain(ssnNumber), 0},
		{pii.SSN, "ssn,social_security_number", func(r *rand.Rand, _ int) string { return strings.ReplaceAll(ssnNumber(r), "-", "") }, 0},
		{pii.NationalID, "nino,national_insurance,ni,col_2", plain(ninoNumber), 0},
		{pii.NationalID, "steuer_id,steuerIdentifikationsnummer,nummer", plain(steuerNumber), 0},
		{pii.NationalID, "insee,nir,numero,colonne_4", plain(inseeNumber), 5},
		{pii.NationalID, "dni,nif,documento,codigo", plain(dniNumber), 0},
		{pii.NationalID, "codice_fiscale,cf,codice", plain(codiceNumber), 0},
		{pii.NationalID, "cpf,documento,c5", func(r *rand.Rand, _ int) string {
			s := cpfNumber(r)
			return s[:3] + "." + s[3:6] + "." + s[6:9] + "-" + s[9:]
		}, 0},
		{pii.NationalID, "cpf,doc", plain(cpfNumber), 0},
		{pii.NationalID, "aadhaar,uid_no,k1", func(r *rand.Rand, _ int) string { return spaced(aadhaarNumber(r), 4, 4, 4) }, 0},
		{pii.NationalID, "aadhaar_number", plain(aadhaarNumber), 0},
		{pii.NationalID, "passport_number,drivers_license", func(r *rand.Rand, _ int) string { return pick(r, "C", "L", "X") + digits(r, 8) }, 10},
		{pii.CreditCard, "credit_card,cardNumber,cc_number,pan,f9", cards, 0},
		{pii.CreditCard, "card_no,payment,v", func(r *rand.Rand, _ int) string { return spaced(withLuhn("4"+digits(r, 14)), 4, 4, 4, 4) }, 10},
		{pii.IBAN, "iban,account,bank_details,c", plain(ibanNumber), 5},
		{pii.IBAN, "IBAN,konto", func(r *rand.Rand, _ int) string { return spaced(ibanOf("DE", digits(r, 18)), 4, 4, 4, 4, 4, 2) }, 0},
		{pii.IPAddress, "ip,client_ip,remote_addr,host,c4", ip4, 0},
		{pii.IPAddress, "ipv6,source_ip,addr", ip6, 0},
		{pii.DateOfBirth, "dob,date_of_birth,birthDate,Geburtsdatum", birth("2006-01-02"), 5},
		{pii.DateOfBirth, "dob,birthday,fecha_nacimiento", birth("02/01/2006"), 0},
		{pii.DateOfBirth, "date_of_birth", birth("20060102"), 0},
		{pii.PersonName, "name,full_name,customer,Patient,col1,contact_name", person, 0},
		{pii.PersonName, "name,employee,x", func(r *rand.Rand, _ int) string { return family(r) + ", " + given(r) }, 0},
		{pii.PersonName, "first_name,FirstName,vorname,prenom,given_name", func(r *rand.Rand, _ int) string { return given(r) }, 0},
		{pii.PersonName, "last_name,surname,nachname,apellido,lname", func(r *rand.Rand, _ int) string { return family(r) }, 5},
		{pii.Address, "address,street,billingAddress,addr1,home,c8", streetUS, 0},
		{pii.Address, "adresse,strasse,direccion,delivery,feld_2", streetEurope, 5},
		{pii.MedicalID, "mrn,patient_id,medical_record_number", func(r *rand.Rand, _ int) string { return digits(r, 8) }, 0},
		{pii.MedicalID, "record,case", func(r *rand.Rand, _ int) string { return "MRN-" + digits(r, 7) }, 0},
		{pii.MedicalID, "nhs_number,nhs_no", func(r *rand.Rand, _ int) string { return spaced(nhsNumber(r), 3, 3, 4) }, 0},
		{pii.MedicalID, "medicare_number,mbi,beneficiary", plain(mbiNumber), 0},
		{pii.FinancialAccount, "account_number,acct_no,bank_account", func(r *rand.Rand, _ int) string { return digits(r, 10) }, 0},
		{pii.FinancialAccount, "sort_code", func(r *rand.Rand, _ int) string { return digits(r, 2) + "-" + digits(r, 2) + "-" + digits(r, 2) }, 0},
		{pii.FinancialAccount, "swift,bic_code", func(r *rand.Rand, _ int) string {
			return pick(r, "DEUTDEFF", "BNPAFRPP", "CHASUS33", "BARCGB22XXX", "INGBNL2A")
		}, 0},
		{pii.APIKey, "api_key,token,secret,config_value", apiKey, 0},
		{pii.APIKey, "client_secret,access_token", func(r *rand.Rand, _ int) string { return word(r, "abcdefghijklmnopqrstuvwxyz0123456789", 32) }, 0},
		{pii.APIKey, "password,user_password", func(r *rand.Rand, _ int) string {
			return pick(r, "hunter2!", "correcthorse", "Tr0ub4dor&3", "letmein99", "qwerty123") + word(r, "abc12", 2)
		}, 0},
	}
}
