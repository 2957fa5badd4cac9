package corpus

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// negatives are columns that look like personal data here and there, in their values
// or in their names, and hold none.
func negatives() []source { //nolint:revive // a list
	text := func(of ...string) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return pick(r, of...) }
	}
	whole := func(lo, hi int64) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return strconv.FormatInt(lo+r.Int64N(hi-lo), 10) }
	}
	float := func(scale float64, precision int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return strconv.FormatFloat(r.NormFloat64()*scale, 'f', precision, 64)
		}
	}
	at := func(layout string) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return time.Unix(1_500_000_000+r.Int64N(200_000_000), 0).UTC().Format(layout)
		}
	}
	of := func(n int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return digits(r, n) }
	}
	hex := func(n int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return word(r, "0123456789abcdef", n) }
	}
	return []source{
		// Numbers.
		{"", "amount,balance,account_balance,phone_cost,birth_weight,email_count,name_length", float(1000, 2), 5},
		{"", "age,visits,tel_minutes,ip_count,mobile_lines,address_count,calls", whole(0, 90), 5},
		{"", "id,customer_id,order_id,account_id,user_id", func(_ *rand.Rand, row int) string { return strconv.Itoa(100_000 + row) }, 0},
		{"", "salary,revenue,population", whole(1_000, 9_000_000), 0},
		{"", "order_number,invoice,ticket", of(9), 0},
		{"", "tracking,shipment_no,reference", of(10), 0},
		{"", "barcode,serial", of(11), 0},
		{"", "tracking_number,parcel", of(12), 0},
		{"", "gtin,ean", of(13), 0},
		{"", "transaction_id,device_no", of(15), 0},
		{"", "order_ref,event_id,transaction", func(r *rand.Rand, _ int) string { return "4" + digits(r, 15) }, 0},
		{"", "snowflake,tweet_id", func(r *rand.Rand, _ int) string { return "1" + digits(r, 17) }, 0},
		{"", "created_ms,timestamp", func(r *rand.Rand, _ int) string {
			return strconv.FormatInt(1_500_000_000_000+r.Int64N(200_000_000_000), 10)
		}, 0},
		{"", "epoch,event_time", whole(1_500_000_000, 1_700_000_000), 0},
		{"", "created_us", func(r *rand.Rand, _ int) string {
			return strconv.FormatInt(1_500_000_000_000_000+r.Int64N(200_000_000_000_000), 10)
		}, 0},
		{"", "latitude,longitude,lat", float(60, 6), 0},
		{"", "zip,zip_code,postal_code,plz", of(5), 0},
		{"", "zip4", func(r *rand.Rand, _ int) string { return digits(r, 5) + "-" + digits(r, 4) }, 0},
		{"", "postcode", text("SW1A 1AA", "EC1A 1BB", "M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT"), 0},
		{"", "isbn", func(r *rand.Rand, _ int) string {
			return "978-" + digits(r, 1) + "-" + digits(r, 4) + "-" + digits(r, 4) + "-" + digits(r, 1)
		}, 0},
		{"", "score,rating,percent", float(1, 5), 0},
		// Times.
		{"", "created_at,updated_at,order_date,contract_start", at(time.RFC3339), 5},
		{"", "date,joined,due,shipped", at(time.DateOnly), 0},
		{"", "day,hired", at("02.01.2006"), 0},
		{"", "yyyymmdd,partition", at("20060102"), 0},
		{"", "time,opening", at("15:04:05"), 0},
		{"", "period", func(r *rand.Rand, _ int) string {
			y := 2000 + r.IntN(24)
			return strconv.Itoa(y) + "-" + strconv.Itoa(y+1)
		}, 0},
		// Codes.
		{"", "sku,product_code,part", func(r *rand.Rand, _ int) string { return word(r, "ABCDEFGH", 3) + "-" + digits(r, 5) }, 0},
		{"", "article,item_no", func(r *rand.Rand, _ int) string { return word(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 9) }, 0},
		{"", "uuid,session,request_id", func(r *rand.Rand, _ int) string {
			s := word(r, "0123456789abcdef", 32)
			return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
		}, 0},
		{"", "sha,commit,checksum,etag", hex(40), 0},
		{"", "md5", hex(32), 0},
		{"", "mac_address,bssid", func(r *rand.Rand, _ int) string {
			s := word(r, "0123456789abcdef", 12)
			return s[:2] + ":" + s[2:4] + ":" + s[4:6] + ":" + s[6:8] + ":" + s[8:10] + ":" + s[10:]
		}, 0},
		{"", "version,firmware,release", func(r *rand.Rand, _ int) string {
			return strconv.Itoa(1+r.IntN(9)) + "." + strconv.Itoa(r.IntN(20)) + "." + strconv.Itoa(r.IntN(12)) + "." + strconv.Itoa(r.IntN(400)%250)
		}, 0},
		{"", "build", func(r *rand.Rand, _ int) string {
			return "10.0." + strconv.Itoa(17000+r.IntN(5000)) + "." + strconv.Itoa(r.IntN(900))
		}, 0},
		{"", "flight", func(r *rand.Rand, _ int) string {
			return pick(r, "LH", "BA", "UA", "AF") + strconv.Itoa(100+r.IntN(900))
		}, 0},
		{"", "plate", func(r *rand.Rand, _ int) string { return word(r, "ABCDEFGH", 3) + " " + digits(r, 4) }, 0},
		{"", "icd,diagnosis_code", text("E11.9", "I10", "J45.909", "M54.5", "F41.1", "K21.9"), 0},
		{"", "currency,country_code,lang", text("EUR", "USD", "GBP", "JPY", "CHF"), 0},
		{"", "handle,twitter", func(r *rand.Rand, _ int) string { return "@" + word(r, "abcdefghijklm", 8) }, 0},
		{"", "url,website,web_address", func(r *rand.Rand, row int) string {
			return "https://www.example.com/p/" + strconv.Itoa(row) + "?u=" + word(r, "abc123", 6)
		}, 0},
		{"", "hostname,server", func(r *rand.Rand, _ int) string {
			return pick(r, "web", "db", "cache") + "-" + digits(r, 2) + ".example.net"
		}, 0},
		{"", "filename,file_name,path", func(r *rand.Rand, row int) string {
			return pick(r, "report", "scan", "photo") + "_" + strconv.Itoa(row) + pick(r, ".pdf", ".png", ".csv")
		}, 0},
		{"", "token_type,key,primary_key", text("bearer", "basic", "digest", "none"), 0},
		{"", "key_name,secret_name", text("db_main", "db_replica", "smtp_relay", "queue_prod"), 0},
		{"", "size", text("12 x 14", "10 x 20", "8 x 8 in", "100 ml", "5 lb"), 0},
		{"", "range,bracket", text("18-24", "25-34", "35-44", "45-54", "55-64"), 0},
		// Words.
		{"", "city,City,location,capital", text("Paris", "London", "Berlin", "Austin", "Madison", "Jackson", "Charlotte", "Oslo", "Vienna", "Lima", "Houston", "Dallas", "Chicago", "Boston", "Denver"), 0},
		{"", "state,estate,province", text("Virginia", "Georgia", "Carolina", "Texas", "Ohio", "Iowa", "Nevada", "Utah", "Maine", "Oregon", "Florida", "Montana"), 0},
		{"", "country,nation,birth_country", text("Jordan", "Chad", "Georgia", "France", "Spain", "Peru", "India", "Norway", "Kenya", "Chile"), 0},
		{"", "month,month_name", text("January", "February", "March", "April", "May", "June", "July", "August", "September"), 0},
		{"", "company,company_name,vendor_name", text("Acme Corp", "Johnson & Sons Ltd", "Morgan Stanley Group", "Ford Motor Co", "Wells Bank", "Globex", "Initech", "Umbrella Inc", "Marks and Spencer", "Ben Jerry Holdings"), 0},
		{"", "product,product_name,item_name", text("Desk Lamp", "Office Chair", "Rose Water", "Olive Oil", "Ruby Ring", "Jasmine Tea", "Ginger Ale", "Amber Ale", "Steel Bolt M8"), 0},
		{"", "species,Name,genus", text("Adelie", "Chinstrap", "Gentoo", "setosa", "versicolor", "virginica"), 0},
		{"", "department,team_name,role_name", text("Accounting", "Human Resources", "Field Sales", "Legal", "Marketing", "Customer Care"), 0},
		{"", "accounting,statement,hotel_name", text("open", "closed", "pending", "Grand Plaza", "Sea View"), 0},
		{"", "gender,sex,marital_status,education", text("female", "male", "other", "single", "married"), 5},
		{"", "email_opt_in,phone_verified,ssn_provided,has_card", text("yes", "no"), 0},
		{"", "phone_model,mobile_os,card_type,ip_owner", text("iPhone 12", "Galaxy S21", "Visa", "Mastercard", "Android 13"), 0},
		{"", "status,payment_status,address_type", text("active", "churned", "home", "work", "billing"), 0},
		{"", "title,book", text("The Street of Crocodiles", "Emma", "David Copperfield", "1984", "Dune", "War and Peace", "Middlemarch", "Ulysses", "Catch-22"), 0},
		{"", "review,description", text("Arrived on time, 5 stars, works as it should.", "Broke after 2 weeks; the drive does not turn.", "Good value for 20 dollars. Would buy again.", "The way it closes is clever."), 0},
		{"", "dose,instruction", text("take 2 tablets daily", "10 mg per day", "1 drop each way", "5 ml twice a day"), 0},
		{"", "color,flower", text("amber", "rose", "violet", "ruby", "hazel", "olive", "ivory", "jade"), 0},
		{"", "weekday,tempo,place_of_study", text("Monday", "Tuesday", "largo", "Yale", "Oxford"), 0},
		{"", "ship,storm_name", text("Katrina", "Andrew", "Sandy", "Ivan", "Irma", "Titanic", "Endeavour", "Beagle", "Mayflower", "Bounty", "Harvey", "Ian"), 0},
	}
}
