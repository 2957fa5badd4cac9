package pii

import (
	"strings"
	"sync"
	"unicode"
)

// hint is what the name of a column says.
type hint struct {
	strength float64 // how sure it is without a look at the values
	words    string
}

// How sure a name is by itself.
const (
	strongName = 0.6
	weakName   = 0.3
)

// phrases are words of names by kind: those that say it, and those that may. Words
// of one phrase are joined by a space, phrases by a comma.
//
//nolint:gochecknoglobals // a constant table
var phrases = []struct {
	kind         Kind
	strong, weak string
}{
	{Email, "email,e mail,email address,mail address,correo,courriel,correo electronico", "mail"},
	{Phone, "phone,telephone,mobile number,cell phone,cellphone,phone number,tel,fax,telefon,telefonnummer,handynummer,msisdn,celular,telefono,telefone,gsm,mobile phone,contact number", "mobile,cell,handy,whatsapp"},
	{SSN, "ssn,social security,social security number,soc sec", ""},
	{NationalID, "nino,national insurance,national insurance number,steuer id,steuerid,steueridentifikationsnummer,tax id,taxpayer id,nir,insee,numero securite sociale,securite sociale,dni,nie,nif,codice fiscale,codicefiscale,cpf,aadhaar,aadhar,pesel,personnummer,bsn,burgerservicenummer,social insurance number,passport,passport number,passport no,driver license,drivers license,driving licence,license number,licence number,national id,identity number,identity card,ahv,ahv nummer", "sin,tin,idnr,ine"},
	{CreditCard, "credit card,card number,cardnumber,card no,cc number,cc num,ccnumber,credit card number,creditcard,debit card,payment card", "pan,cc,card"},
	{IBAN, "iban", ""},
	{IPAddress, "ip,ip address,ipaddress,ipaddr,ip addr,ipv4,ipv6,remote addr,client ip,source ip,src ip,dst ip", ""},
	{DateOfBirth, "dob,date of birth,birth date,birthdate,dateofbirth,birthday,birth day,geburtsdatum,date naissance,fecha nacimiento,data nascita,data nascimento,geboortedatum", "birth,born,geburtstag,born on"},
	{PersonName, "first name,last name,firstname,lastname,given name,family name,full name,fullname,middle name,maiden name,surname,forename,fname,lname,vorname,nachname,familienname,prenom,apellido,apellidos,cognome,sobrenome,patient name,customer name,employee name,contact name,client name,passenger name,cardholder,cardholder name,author name,person name,student name,teacher name,doctor name,manager name,member name,guest name,nombre completo,nom famille,nom complet,achternaam,voornaam,emergency contact,kundenname", "name,host,guardian,player,director,tutor,nom,nombre,nome,contact,patient,employee,author,owner,passenger,customer,manager,doctor,student,person,sender,recipient,guest,member"},
	{Address, "address,street,street address,home address,addr,address line,strasse,straße,adresse,anschrift,direccion,indirizzo,endereco,postal address,mailing address,billing address,shipping address,residence,domicilio", "location,delivery,shipping"},
	{MedicalID, "mrn,hospital no,hospital number,medical record,medical record number,medical record no,patient id,patient number,patient no,nhs,nhs number,nhs no,health id,health card,health insurance,health insurance number,insurance member,medicare,medicare number,medicaid,mbi,versichertennummer,krankenversichertennummer,medical id", "patient,chart number"},
	{FinancialAccount, "account number,account no,acct,payee account,account num,acct number,acct no,acct num,accountnumber,bank account,bank account no,routing number,routing no,routing nr,aba,aba number,sort code,swift,swift code,bic,bic code,kontonummer,kontonr,blz,numero cuenta,numero compte,rib", "routing,konto,iban"},
	{APIKey, "api key,apikey,secret key,secret,access key,access token,auth token,api token,private key,client secret,bearer token,refresh token,credential,credentials,password,passwd,pwd,passwort,contrasena,api secret,access key id", "token,key,pin"},
}

// contradictions are words beside which a kind is not meant: the name of a file is
// no person's, the address of a memory no house's.
//
//nolint:gochecknoglobals // a constant table
var contradictions = map[Kind]string{
	PersonName:       "company,product,file,brand,city,state,country,department,team,domain,class,species,table,column,event,category,model,school,store,project,group,role,type,item,job,status,id,count,number,code,rate,score,ship,event,user,display,short,game,song,album,movie,title,region,county,course,campaign,app,feature,plan,service,vendor,supplier,hotel,station,airport,river,drug,disease,test,variable,field,format,phone,email,age,gender,segment,date,value,satisfaction,since,lifetime,type,visits,reviews,rating",
	Address:          "email,ip,mac,web,url,wallet,bitcoin,memory,mail,ipv4,ipv6,hardware,type,count,id",
	Phone:            "model,brand,type,os,count,plan,service,lines,make,calls,minutes,usage,version,app,screen",
	Email:            "count,opens,clicks,sent,campaign,subject,template,type,opt,status,verified,domain,delivered,frequency",
	CreditCard:       "type,limit,score,count,brand,network,holder,cardholder,name,color,colour,usage,balance,status,present",
	IPAddress:        "count,owner",
	APIKey:           "count,type,length,attempts,resets,reset,status,changes,changed,primary,foreign,public,sort,ratio,name,words,date",
	MedicalID:        "type,plan,cost,coverage,premium,count,status,expenses,provider,name,age",
	FinancialAccount: "type,count,balance,status,age",
	DateOfBirth:      "weight,rate,place,order,country,city,name,year,count,length",
	NationalID:       "type,count,status,expiry,country",
}

// headers is the table of phrases, ready to be looked up.
type headers struct {
	phrases map[string][]headerKind
	against map[Kind]map[string]bool
}

type headerKind struct {
	kind     Kind
	strength float64
}

//nolint:gochecknoglobals // made once of constant tables
var readHeaders = sync.OnceValue(func() *headers {
	h := &headers{phrases: make(map[string][]headerKind), against: make(map[Kind]map[string]bool)}
	for _, p := range phrases {
		for strength, list := range map[float64]string{strongName: p.strong, weakName: p.weak} {
			for phrase := range strings.SplitSeq(list, ",") {
				if phrase != "" {
					h.phrases[phrase] = append(h.phrases[phrase], headerKind{p.kind, strength})
				}
			}
		}
	}
	for kind, list := range contradictions {
		h.against[kind] = make(map[string]bool)
		for word := range strings.SplitSeq(list, ",") {
			h.against[kind][word] = true
		}
	}
	return h
})

const maxPhrase = 4 // words

// readName returns what the name of a column says, by kind.
func readName(name string) map[Kind]hint {
	words := splitName(name)
	h := readHeaders()
	found := make(map[Kind]hint)
	for i := range words {
		for n := 1; n <= maxPhrase && i+n <= len(words); n++ {
			phrase := strings.Join(words[i:i+n], " ")
			for _, k := range h.phrases[phrase] {
				if k.strength < found[k.kind].strength || contradicted(h.against[k.kind], words, i, n) {
					continue
				}
				found[k.kind] = hint{k.strength, phrase}
			}
		}
	}
	return found
}

// contradicted reports whether a word beside the phrase says that something else
// is meant.
func contradicted(against map[string]bool, words []string, from, n int) bool {
	for i, w := range words {
		if (i < from || i >= from+n) && against[w] {
			return true
		}
	}
	return false
}

// splitName cuts a name into words in lower case: at what is no letter and no
// digit, between small and capital letters, and between letters and digits.
func splitName(name string) []string {
	const longest = 200
	if len(name) > longest {
		name = name[:longest]
	}
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		letter, digit := unicode.IsLetter(r), unicode.IsDigit(r)
		if !letter && !digit {
			end()
			continue
		}
		if len(word) > 0 {
			last := word[len(word)-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			switch {
			case unicode.IsDigit(last) != digit && string(word) != "ipv":
				end()
			case unicode.IsLower(last) && unicode.IsUpper(r), unicode.IsUpper(last) && unicode.IsUpper(r) && next:
				end()
			}
		}
		word = append(word, fold(r))
	}
	end()
	return words
}

// fold takes the accent off a letter of the Latin alphabet.
func fold(r rune) rune {
	const from, to = "áàâãäåéèêëíìîïóòôõöúùûüñçÁÀÂÃÄÅÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÑÇ", "aaaaaaeeeeiiiiooooouuuuncAAAAAAEEEEIIIIOOOOOUUUUNC"
	if r < 0x80 {
		return r
	}
	at := 0
	for _, c := range from {
		if c == r {
			return rune(to[at])
		}
		at++
	}
	return r
}
