package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// weighted returns the sum of digits times weights, which are used in turn.
func weighted(s string, weights ...int) int {
	sum := 0
	for i, c := range s {
		sum += int(c-'0') * weights[i%len(weights)]
	}
	return sum
}

// born returns a day between 1940 and 2009.
func born(r *rand.Rand) time.Time {
	return time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(25_500))
}

func peselNumber(r *rand.Rand) string {
	day := born(r)
	month := int(day.Month())
	if day.Year() >= 2000 {
		month += 20
	}
	s := pad(day.Year()%100, 2) + pad(month, 2) + pad(day.Day(), 2) + pad(r.IntN(10_000), 4)
	return s + strconv.Itoa((10-weighted(s, 1, 3, 7, 9)%10)%10)
}

func bsnNumber(r *rand.Rand) string {
	for {
		s := digits(r, 8)
		if check := weighted(s, 9, 8, 7, 6, 5, 4, 3, 2) % 11; check < 10 {
			return s + strconv.Itoa(check)
		}
	}
}

func kimlikNumber(r *rand.Rand) string {
	s := digits(r, 9)
	odd, even := 0, 0
	for i, c := range s {
		if i%2 == 0 {
			odd += int(c - '0')
		} else {
			even += int(c - '0')
		}
	}
	tenth := ((odd*7-even)%10 + 10) % 10
	return s + strconv.Itoa(tenth) + strconv.Itoa((odd+even+tenth)%10)
}

func residentNumber(r *rand.Rand) string {
	s := pick(r, "110105", "310104", "440305", "510104") + born(r).Format("20060102") + pad(r.IntN(1000), 3)
	return s + "10X98765432"[weighted(s, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11:][:1]
}

func personnummer(r *rand.Rand) string {
	day := born(r)
	s := withLuhn(day.Format("060102") + pad(r.IntN(1000), 3))
	return day.Format("2006")[:2] + s[:6] + "-" + s[6:]
}

func hetuNumber(r *rand.Rand) string {
	day, serial := born(r), pad(2+r.IntN(897), 3)
	n, _ := strconv.Atoi(day.Format("020106") + serial)
	mark := "-"
	if day.Year() >= 2000 {
		mark = "A"
	}
	return day.Format("020106") + mark + serial + "0123456789ABCDEFHJKLMNPRSTUVWXY"[n%31:][:1]
}

func ahvNumber(r *rand.Rand) string {
	s := "756" + pad(r.IntN(1_000_000_000), 9)
	s += strconv.Itoa((10 - weighted(s, 1, 3)%10) % 10)
	return s[:3] + "." + s[3:7] + "." + s[7:11] + "." + s[11:]
}

func curpNumber(r *rand.Rand) string {
	return pick(r, "GOMC", "HEGJ", "LOPA", "MARR") + born(r).Format("060102") + pick(r, "H", "M") + pick(r, "DF", "JC", "NL", "PL") + pick(r, "NRR", "RZS", "LPN") + "A" + strconv.Itoa(r.IntN(10))
}

func cnpNumber(r *rand.Rand) string {
	day := born(r)
	sex := strconv.Itoa(1 + r.IntN(2))
	if day.Year() >= 2000 {
		sex = strconv.Itoa(5 + r.IntN(2))
	}
	s := sex + day.Format("060102") + pad(1+r.IntN(46), 2) + pad(1+r.IntN(999), 3)
	check := weighted(s, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
	return s + strconv.Itoa(check%10+check/10)
}

func tfnNumber(r *rand.Rand) string {
	for {
		if s := digits(r, 9); weighted(s, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 {
			return s
		}
	}
}

// Numbers of telephones as people type them.
func mobileOf(country string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, _ int) string {
		switch country {
		case "us":
			return strconv.Itoa(2+r.IntN(8)) + digits(r, 2)[:1] + digits(r, 1) + strconv.Itoa(2+r.IntN(8)) + digits(r, 6)
		case "de":
			return pick(r, "0151", "0160", "0171", "0176", "01520") + digits(r, 7)
		case "uk":
			return "07" + pick(r, "4", "5", "7", "8", "9") + digits(r, 8)
		case "fr":
			return pick(r, "06", "07") + digits(r, 8)
		case "es":
			return pick(r, "6", "7", "9") + digits(r, 8)
		case "it":
			return pick(r, "320", "333", "347", "389") + digits(r, 7)
		case "pl":
			return pick(r, "5", "6", "7") + digits(r, 8)
		case "tr":
			return "05" + pick(r, "3", "4", "5") + digits(r, 8)
		case "nl":
			return "06" + digits(r, 8)
		case "br":
			return pick(r, "11", "21", "31", "48", "85") + "9" + digits(r, 8)
		case "in":
			return strconv.Itoa(6+r.IntN(4)) + digits(r, 9)
		case "jp":
			return pick(r, "090", "080", "070") + digits(r, 8)
		case "ru":
			return "89" + digits(r, 9)
		case "pt":
			return "9" + pick(r, "1", "2", "3", "6") + digits(r, 7)
		default:
			return "+" + pick(r, "4915"+digits(r, 9), "336"+digits(r, 8), "447"+digits(r, 9), "3932"+digits(r, 8), "346"+digits(r, 8), "9198"+digits(r, 8), "55119"+digits(r, 8), "2348"+digits(r, 9))
		}
	}
}

// grouped are numbers of telephones as people write them in a form.
func grouped(r *rand.Rand, _ int) string {
	return pick(r, "0"+digits(r, 3)+"/"+digits(r, 6), "0"+digits(r, 2)+" "+digits(r, 3)+" "+digits(r, 2)+" "+digits(r, 2), "(0"+digits(r, 2)+") "+digits(r, 4)+"-"+digits(r, 4),
		"0"+strconv.Itoa(1+r.IntN(5))+"."+digits(r, 2)+"."+digits(r, 2)+"."+digits(r, 2)+"."+digits(r, 2), "+"+pick(r, "49", "43", "41")+" (0) "+digits(r, 2)+" "+digits(r, 7), "00"+pick(r, "33", "44", "39")+digits(r, 9))
}

// noisy replaces some values of a hundred by what people write when they have none,
// and leaves blanks around others.
func noisy(share int, f func(*rand.Rand, int) string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, row int) string {
		switch k := r.IntN(100); {
		case k < share:
			return pick(r, "n/a", "-", "unknown", "?", "none", "x", "see file")
		case k < share+5:
			return " " + f(r, row) + "  "
		}
		return f(r, row)
	}
}

// lower and upper change the case.
func lower(f func(*rand.Rand, int) string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, row int) string { return strings.ToLower(f(r, row)) }
}

func upper(f func(*rand.Rand, int) string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, row int) string { return strings.ToUpper(f(r, row)) }
}

func dated(layout string) func(*rand.Rand, int) string {
	return func(r *rand.Rand, _ int) string { return born(r).Format(layout) }
}

// oneOf takes one of the values, which are separated by bars.
func oneOf(values string) func(*rand.Rand, int) string {
	all := strings.Split(values, "|")
	return func(r *rand.Rand, _ int) string { return pick(r, all...) }
}
