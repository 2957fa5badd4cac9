package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/pii"
)

func exportedContacts() []source {
	all := everybody()
	ascii := strings.NewReplacer(" ", "", "'", "", "é", "e", "ü", "ue", "ö", "o", "ç", "c", "ł", "l", "ı", "i", "ş", "s", "á", "a", "ã", "a", "í", "i", "ó", "o", "ä", "a", "Ö", "O", "Ç", "C", "Ş", "S", "Ł", "L", "Í", "I", "Ø", "O", "ß", "ss", "ñ", "n", "ż", "z", "ś", "s", "ń", "n", "ą", "a", "ê", "e", "ë", "e", "ï", "i", "è", "e", "Á", "A", "É", "E")
	mail := func(r *rand.Rand, _ int) string {
		return strings.ToLower(ascii.Replace(all.first(r))) + pick(r, ".", "_", "") + strings.ToLower(ascii.Replace(all.last(r))) + pick(r, "", digits(r, 2)) + "@" + pick(r, "gmail.example", "firma.example", "univ.example.fr", "posta.example.tr", "mail.example.co.in")
	}
	octets := func(r *rand.Rand, n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = strconv.Itoa(1 + r.IntN(254))
		}
		return strings.Join(parts, ".")
	}
	return []source{
		{pii.Email, "email_addr,E-Mail-Adresse,courriel,adres_email", mail, 0},
		{pii.Email, "correo_e,eposta,username,UPN", mail, 20},
		{pii.Email, "column_5,field_3", noisy(5, mail), 60},
		{pii.Email, "Respondent,sent_to", upper(mail), 0},
		{pii.Email, "cc_list", func(r *rand.Rand, row int) string { return mail(r, row) + "; " + mail(r, row) }, 10},
		{pii.Email, "href", func(r *rand.Rand, row int) string { return "mailto:" + mail(r, row) }, 0},
		{pii.IPAddress, "c_ip,remote_host,visitor,column_1", func(r *rand.Rand, _ int) string { return octets(r, 4) }, 0},
		{pii.IPAddress, "src_addr,x_forwarded_for", func(r *rand.Rand, _ int) string { return octets(r, 4) + pick(r, "", ", 10."+octets(r, 3)) }, 0},
		{pii.IPAddress, "peer,endpoint", func(r *rand.Rand, _ int) string { return octets(r, 4) + ":" + strconv.Itoa(1024+r.IntN(60_000)) }, 0},
		{pii.IPAddress, "login_ip_v6", ip6, 30},
		{pii.DateOfBirth, "geb_dat,Geb.-Datum,geboren_am", dated("02.01.2006"), 0},
		{pii.DateOfBirth, "date_naiss,ddn", dated("02/01/2006"), 5},
		{pii.DateOfBirth, "fec_nac,f_nacimiento", dated("02-01-2006"), 0},
		{pii.DateOfBirth, "data_nasc,dt_nascimento", dated("2006-01-02"), 0},
		{pii.DateOfBirth, "data_di_nascita,dataNascita", dated("02/01/2006"), 0},
		{pii.DateOfBirth, "geboortedatum,geb_datum", dated("02-01-2006"), 0},
		{pii.DateOfBirth, "data_ur,data_urodzenia", dated("2006-01-02"), 0},
		{pii.DateOfBirth, "dogum_tarihi,d_tarihi", dated("02.01.2006"), 0},
		{pii.DateOfBirth, "生年月日,出生日期", dated("2006/01/02"), 0},
		{pii.DateOfBirth, "Дата рождения,дата_рожд", dated("02.01.2006"), 0},
		{pii.DateOfBirth, "birth_dt,BIRTHDATE,pt_dob", dated("01/02/2006"), 20},
		{pii.DateOfBirth, "bday,fødselsdato", dated("2 Jan 2006"), 60},
	}
}

func exportedIdentities() []source {
	return []source{
		{pii.SSN, "ssn_no,Soc Sec Nbr,tax_id_ssn", plain(ssnNumber), 10},
		{pii.SSN, "column_3,emp_key", plain(ssnNumber), 0},
		{pii.SSN, "SOCSECNO", func(r *rand.Rand, _ int) string { return strings.ReplaceAll(ssnNumber(r), "-", " ") }, 0},
		{pii.NationalID, "pesel,nr_pesel,kolumna_4", plain(peselNumber), 0},
		{pii.NationalID, "bsn,burgerservicenummer", plain(bsnNumber), 0},
		{pii.NationalID, "tc_kimlik_no,tckn", plain(kimlikNumber), 0},
		{pii.NationalID, "身份证号,id_card_no,column_7", plain(residentNumber), 0},
		{pii.NationalID, "personnummer,pnr", plain(personnummer), 0},
		{pii.NationalID, "hetu,henkilotunnus", plain(hetuNumber), 0},
		{pii.NationalID, "ahv_nr,AVS,sozialversicherungsnr", plain(ahvNumber), 0},
		{pii.NationalID, "curp,clave_unica", plain(curpNumber), 0},
		{pii.NationalID, "cnp,cod_numeric_personal", plain(cnpNumber), 0},
		{pii.NationalID, "tfn,tax_file_number", plain(tfnNumber), 0},
		{pii.NationalID, "sin,social_insurance_no", func(r *rand.Rand, _ int) string {
			return spaced(withLuhn(strconv.Itoa(1+r.IntN(7))+digits(r, 7)), 3, 3, 3)
		}, 0},
		{pii.NationalID, "pan_no,permanent_account_number", func(r *rand.Rand, _ int) string {
			return word(r, "ABCDEFGHKLMNPRSTUVWXYZ", 3) + "P" + word(r, "ABCDEGKMNPRSTV", 1) + digits(r, 4) + word(r, "ABCDEFGHKL", 1)
		}, 0},
		{pii.NationalID, "national_insurance_no,NI Number", func(r *rand.Rand, _ int) string { return spaced(ninoNumber(r), 2, 2, 2, 2, 1) }, 20},
		{pii.NationalID, "nif_titular,column_11", plain(dniNumber), 0},
		{pii.NationalID, "cod_fiscale,C.F.", plain(codiceNumber), 5},
		{pii.NationalID, "num_secu,no_ss", func(r *rand.Rand, _ int) string { return spaced(inseeNumber(r), 1, 2, 2, 2, 3, 3, 2) }, 0},
		{pii.NationalID, "cpf_cnpj,cpf_aluno", plain(cpfNumber), 0},
		{pii.NationalID, "passport,passnummer,Reisepass-Nr", func(r *rand.Rand, _ int) string {
			return pick(r, "C", "F", "G") + word(r, "0123456789CFGHJKLMNPRTVWXYZ", 8)
		}, 30},
		{pii.NationalID, "dl_number,driver_licence_no", func(r *rand.Rand, _ int) string { return pick(r, "D", "S", "W") + digits(r, 7) }, 0},
		{pii.NationalID, "ausweisnr,idnr", plain(steuerNumber), 0},
		{pii.MedicalID, "mrn_nbr,Med Rec #,chart_no", func(r *rand.Rand, _ int) string { return pad(r.IntN(10_000_000), 7) }, 0},
		{pii.MedicalID, "pat_id,patientennr", func(r *rand.Rand, _ int) string { return "P" + digits(r, 6) }, 0},
		{pii.MedicalID, "nhs,NHS Number", plain(nhsNumber), 0},
		{pii.MedicalID, "krankenversichertennummer,kvnr", func(r *rand.Rand, _ int) string { return word(r, "ABCDEFGHKLMNPRST", 1) + digits(r, 9) }, 0},
		{pii.MedicalID, "health_plan_member_id,subscriber_id", func(r *rand.Rand, _ int) string { return pick(r, "XYZ", "ABH", "WMW") + digits(r, 9) }, 0},
		{pii.MedicalID, "medicare_id,column_12", plain(mbiNumber), 0},
	}
}

func exportedAccounts() []source {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	cards := plain(cardNumber)
	return []source{
		{pii.CreditCard, "cc_num,card_nbr,kreditkartennr,tarjeta", cards, 5},
		{pii.CreditCard, "column_10,payment_ref", cards, 0},
		{pii.CreditCard, "num_carte,numero_cartao", func(r *rand.Rand, _ int) string {
			return strings.ReplaceAll(spaced(withLuhn("5"+strconv.Itoa(1+r.IntN(5))+digits(r, 13)), 4, 4, 4, 4), " ", "-")
		}, 60},
		{pii.IBAN, "konto_iban,iban_nr,cuenta,rib", plain(ibanNumber), 0},
		{pii.IBAN, "column_13,beneficiary_account", lower(plain(ibanNumber)), 10},
		{pii.FinancialAccount, "acct_nbr,bank_acct_no,kontonummer", func(r *rand.Rand, _ int) string { return digits(r, 8+r.IntN(3)) }, 0},
		{pii.FinancialAccount, "num_cuenta,numero_conta,conto_corrente", func(r *rand.Rand, _ int) string { return digits(r, 6) + "-" + digits(r, 1) }, 0},
		{pii.FinancialAccount, "routing_no,aba_routing", func(r *rand.Rand, _ int) string {
			return pick(r, "021000021", "026009593", "111000025", "322271627", "071000013", "121000248")
		}, 0},
		{pii.APIKey, "apikey,secret_key,pwd", func(r *rand.Rand, _ int) string { return word(r, letters, 28+r.IntN(8)) }, 0},
		{pii.APIKey, "passwd,passwort,contraseña", func(r *rand.Rand, _ int) string { return word(r, letters+"!$%#", 8+r.IntN(5)) }, 0},
		{pii.APIKey, "auth_header,Authorization", func(r *rand.Rand, _ int) string {
			return "Bearer eyJhbGciOi" + word(r, letters, 20) + "." + word(r, letters, 60) + "." + word(r, letters, 43)
		}, 0},
		{pii.APIKey, "column_14,setting", func(r *rand.Rand, _ int) string {
			return pick(r, "AKIA"+word(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), "xoxb-"+digits(r, 11)+"-"+digits(r, 12)+"-"+word(r, letters, 24), "AIza"+word(r, letters, 35), "glpat-"+word(r, letters, 20))
		}, 0},
		{pii.APIKey, "password_hash,pw_hash", func(r *rand.Rand, _ int) string { return "$2b$12$" + word(r, letters+"./", 53) }, 0},
	}
}
