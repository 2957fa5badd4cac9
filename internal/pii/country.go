package pii

import "strings"

// personal reports whether digits are a number of a person in one of the countries
// that check theirs so well that hardly any other number holds.
func personal(d []byte) bool {
	switch len(d) {
	case 9:
		return false // see weakly
	case 10:
		return birthDigits(d[:6], true) && number(d)%11 == 0 || egn(d)
	case 11:
		return steuerID(d) || cpf(d) || pesel(d) || kimlik(d) || rijksregister(d) || isikukood(d) || oib(d)
	case 12:
		return aadhaar(d) || innPerson(d)
	case 13:
		return cnp(d) || southAfrican(d) || jmbg(d)
	case 18:
		return resident(d)
	}
	return false
}

// weakly reports whether nine digits have a check digit that numbers of persons of
// some country have; one of a few chance numbers does.
func weakly(d []byte) bool { return len(d) == 9 && (sin(d) || bsn(d) || tfn(d) || nifPT(d)) }

// birthDigits reports whether six digits are a date of birth, with the year first;
// women's months may be higher.
func birthDigits(d []byte, women bool) bool {
	month, day := number(d[2:4]), number(d[4:6])
	if women && month > 50 {
		month -= 50
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// resident reports whether 18 characters are a number of a resident of China, whose
// last may be an X.
func resident(d []byte) bool {
	if len(d) != 18 || !bornOn(number(d[6:10]), number(d[10:12]), number(d[12:14])) || d[0] == '0' {
		return false
	}
	rest := weighted(d[:17], 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2) % 11
	return "10X98765432"[rest] == d[17]
}

// hetu reports whether eleven characters are a number of a person in Finland.
func hetu(s string) bool {
	if len(s) != 11 || strings.IndexByte("-+ABCDEFYXWVU", s[6]) < 0 {
		return false
	}
	n := int64(0)
	for i := range 10 {
		if i == 6 {
			continue
		}
		if !isDigit(s[i]) {
			return false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return "0123456789ABCDEFHJKLMNPRSTUVWXY"[n%31] == s[10]
}

// curp reports whether the text has the form of a number of a person in Mexico.
func curp(t []byte) bool {
	const form = "LLLLNNNNNNSLLLLLXN"
	return len(t) == len(form) && asForm(t, form) && birthDigits(t[4:10], false)
}

// rfc reports whether the text has the form of a tax number of a person in Mexico.
func rfc(t []byte) bool {
	const form = "LLLLNNNNNNXXX"
	return len(t) == len(form) && asForm(t, form) && birthDigits(t[4:10], false)
}

// taxIndia reports whether the text has the form of a tax number of a person in
// India, in which the fourth letter stands for persons.
func taxIndia(t []byte) bool {
	const form = "LLLLLNNNNL"
	return len(t) == len(form) && t[3] == 'P' && asForm(t, form)
}

// nric reports whether the text has the form of a number of a person in Singapore.
func nric(t []byte) bool {
	return len(t) == 9 && strings.IndexByte("STFGM", t[0]) >= 0 && asForm(t, "LNNNNNNNL")
}

// asForm compares a text with a form of digits (N), letters (L), either (X) and marks
// of sex (S).
func asForm(t []byte, form string) bool {
	for i, c := range t {
		switch form[i] {
		case 'N':
			if !isDigit(c) {
				return false
			}
		case 'L':
			if !isUpper(c) {
				return false
			}
		case 'S':
			if c != 'H' && c != 'M' && c != 'X' {
				return false
			}
		default:
			if !isDigit(c) && !isUpper(c) {
				return false
			}
		}
	}
	return true
}

// cnp reports whether 13 digits are a number of a person in Romania.
func cnp(d []byte) bool {
	check := weighted(d, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
	if check == 10 {
		check = 1
	}
	return d[0] != '0' && birthDigits(d[1:7], false) && check == int(d[12]-'0')
}

// southAfrican reports whether 13 digits are a number of a person in South Africa.
func southAfrican(d []byte) bool {
	return birthDigits(d[:6], false) && d[10] <= '1' && luhn(d)
}

// jmbg reports whether 13 digits are a number of a person of the countries that once
// were Yugoslavia, which has the day first and three digits of the year.
func jmbg(d []byte) bool {
	day, month := number(d[:2]), number(d[2:4])
	if day < 1 || day > 31 || month < 1 || month > 12 || d[4] != '9' && d[4] != '0' {
		return false
	}
	check := 11 - weighted(d, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11
	return check%11 == int(d[12]-'0') && check != 10
}

// rijksregister reports whether eleven digits are a number of a person in Belgium.
func rijksregister(d []byte) bool {
	if !birthDigits(d[:6], false) {
		return false
	}
	n, check := number(d[:9]), number(d[9:])
	return 97-n%97 == check || 97-(2_000_000_000+n)%97 == check
}

// isikukood reports whether eleven digits are a number of a person in Estonia or
// Lithuania.
func isikukood(d []byte) bool {
	if d[0] < '1' || d[0] > '6' || !birthDigits(d[1:7], false) {
		return false
	}
	check := weighted(d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1) % 11
	if check == 10 {
		check = weighted(d, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3) % 11 % 10
	}
	return check == int(d[10]-'0')
}

// oib reports whether eleven digits are a number of a person in Croatia (ISO/IEC
// 7064, MOD 11,10).
func oib(d []byte) bool {
	product := 10
	for _, c := range d[:10] {
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (11-product)%10 == int(d[10]-'0')
}

// egn reports whether ten digits are a number of a person in Bulgaria.
func egn(d []byte) bool {
	month, day := number(d[2:4])%20, number(d[4:6])
	return month >= 1 && month <= 12 && day >= 1 && day <= 31 && weighted(d, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10 == int(d[9]-'0')
}

// innPerson reports whether twelve digits are a tax number of a person in Russia.
func innPerson(d []byte) bool {
	return weighted(d, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[10]-'0') && weighted(d, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[11]-'0')
}

// snils reports whether eleven digits are an insurance number of a person in Russia.
func snils(d []byte) bool {
	return len(d) == 11 && int64(weighted(d, 9, 8, 7, 6, 5, 4, 3, 2, 1)%101%100) == number(d[9:])
}

// tfn reports whether nine digits are a tax number of a person in Australia.
func tfn(d []byte) bool { return weighted(d, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 }

// nifPT reports whether nine digits are a tax number of a person in Portugal.
func nifPT(d []byte) bool {
	check := 11 - weighted(d, 9, 8, 7, 6, 5, 4, 3, 2)%11
	if check > 9 {
		check = 0
	}
	return d[0] >= '1' && d[0] <= '3' && check == int(d[8]-'0')
}

// rut reports whether the text is a number of a person in Chile, such as 12.345.678-5.
func rut(s string) bool {
	head, check, ok := strings.Cut(s, "-")
	if !ok || len(check) != 1 || len(head) < 7 || len(head) > 10 {
		return false
	}
	sum, weight := 0, 2
	for i := len(head) - 1; i >= 0; i-- {
		switch c := head[i]; {
		case isDigit(c):
			sum += int(c-'0') * weight
			if weight++; weight > 7 {
				weight = 2
			}
		case c != '.':
			return false
		}
	}
	return "0K987654321"[sum%11] == check[0] || sum%11 == 1 && check[0] == 'k'
}
