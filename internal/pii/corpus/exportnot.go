package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
)

// exportedOther are columns of the same files that hold no personal data, and one of
// notes that does.
func exportedOther() []source {
	all := []source{{pii.Email, "call_notes", note, 40}}
	for _, part := range [][]source{exportedPlaces(), exportedThings(), exportedWork(), exportedScripts(), exportedNumbers(), exportedCodes(), exportedTimes()} {
		all = append(all, part...)
	}
	return all
}

func exportedPlaces() []source {
	return []source{
		{"", "Ort,birth_place,City of residence,column_3", oneOf("Köln|Bad Homburg|Marburg|St. Ingbert|Lüdenscheid|Halle (Saale)|Frankfurt am Main|Jena|Siegen|Hof|Wesel|Moers"), 5},
		{"", "ville,commune", oneOf("Saint-Étienne|Le Havre|Aix-en-Provence|Nîmes|La Rochelle|Villeurbanne|Saint-Denis|Clermont-Ferrand|Dijon"), 0},
		{"", "ciudad,municipio,column_8", oneOf("San Sebastián|Santa Cruz|San José|Vitoria|Santiago|León|Mérida|Guadalupe|San Fernando|Trinidad|Concepción"), 0},
		{"", "cidade,bairro", oneOf("São Paulo|Santo André|São José dos Campos|Belo Horizonte|Vitória|Florianópolis|Santa Maria|Rio Grande"), 0},
		{"", "comune,provincia", oneOf("Reggio Emilia|San Marino|Ferrara|Santa Lucia|Bologna|Sant'Angelo|La Spezia|Udine"), 0},
		{"", "town,locality,store_city,field_6", oneOf("Madison|Lincoln|Jackson|Aurora|Arlington|Austin|Carson City|Florence|Jefferson City|Savannah|Charlotte|Eugene|Raleigh|Helena"), 0},
		{"", "county,district,column_9", oneOf("Wayne|Franklin|Jefferson|Madison|Marion|Monroe|Montgomery|Lee|Clay|Union|Douglas|Washington"), 0},
		{"", "street_name,strasse_ohne_nr,road", oneOf("Hauptstraße|Lindenallee|High Street|Rue Victor Hugo|Via Roma|Calle Mayor|Station Road|Martin-Luther-King-Straße"), 0},
		{"", "stop_name,station,Haltestelle", oneOf("Alexanderplatz|King's Cross|Gare du Nord|Victoria|Charles de Gaulle|Union Station|Park Street|St. James's Park"), 0},
		{"", "airport,airport_name", oneOf("John F. Kennedy Intl|Charles de Gaulle|Leonardo da Vinci|O'Hare|Ronald Reagan|George Bush|Adolfo Suárez|José Martí"), 0},
		{"", "school_name,campus", oneOf("Lincoln High School|St. Mary's College|Thomas Jefferson Middle|Albert-Schweitzer-Gymnasium|Lycée Henri IV|Martin Luther King Elementary"), 0},
		{"", "hospital,facility_name,ward", oneOf("St. Thomas|Charité|Mayo Clinic|Johns Hopkins|Cleveland Clinic|Massachusetts General|Maria Hilf|San Raffaele|Guy's"), 0},
		{"", "river,mountain,lake", oneOf("Rhine|Danube|Murray|Columbia|Snake|Ohio|Elbe|Loire|Mount Cook|Ben Nevis|Victoria|Erie"), 0},
		{"", "country_of_birth,nationality,geo", oneOf("Germany|German|Türkiye|Italy|Chad|Georgia|Jordan|Dominica|Mali|Cuba|India|Israel|Kenya"), 0},
	}
}

func exportedThings() []source {
	return []source{
		{"", "prod_nm,item_desc,artikelbezeichnung,column_4", oneOf("Blue Ceramic Mug|Steel Water Bottle 750ml|Cotton T-Shirt M|Oak Side Table|USB-C Cable 2m|Rose Face Cream|Olive Oil Extra Virgin|Kids Rain Jacket|Ginger Tea 20 bags"), 0},
		{"", "model_name,vehicle,make", oneOf("Ford Focus|Mercedes Benz|Alfa Romeo|Aston Martin|Tesla Model S|Opel Astra|Chevrolet Malibu|Buick Regal|Chrysler LeBaron|AMC Matador|Honda Civic|Dodge Aspen"), 0},
		{"", "bird,common_name,column_6", oneOf("Great Tit|Barn Swallow|Robin|Steller's Jay|Anna's Hummingbird|Cooper's Hawk|Bewick's Wren|House Sparrow|Martin|Jackdaw|Lincoln's Sparrow"), 0},
		{"", "scientific_name,species_nm,taxon", oneOf("Turdus merula|Parus major|Quercus robur|Homo sapiens|Canis lupus|Felis catus|Rosa canina|Bellis perennis|Salmo trutta"), 0},
		{"", "animal_name,pet_name,dog_breed", oneOf("Golden Retriever|German Shepherd|Yorkshire Terrier|King Charles Spaniel|Great Dane|Maine Coon|Russian Blue"), 0},
		{"", "colour,farbe,shade", oneOf("Navy Blue|Forest Green|Scarlet|Olive|Hazel|Charcoal|Rose Gold|Ruby|Amber|Coral|Violet|Ivory"), 0},
		{"", "brand,manufacturer,label", oneOf("Hugo Boss|Calvin Klein|Tommy Hilfiger|Louis Vuitton|Nike|Adidas|Ralph Lauren|Levi's|Zara|Dr. Martens|Marc O'Polo|Jack Wolfskin"), 0},
		{"", "company,employer,firma,razon_social", oneOf("Müller GmbH|Schmidt & Söhne KG|García Hermanos S.L.|Rossi S.p.A.|Dupont SARL|Johnson Controls Inc.|Smith & Nephew plc|Baker Hughes|Ernst Young LLP|Morgan Lewis"), 0},
		{"", "supplier,merchant,column_11", oneOf("Home Depot|Trader Joe's|Wendy's|Shell Station|Walmart Supercenter|Denny's|Ben & Jerry's|Sally Beauty|Dick's Sporting Goods|Marshalls"), 0},
		{"", "restaurant,hotel", oneOf("Casa Pepe|Chez Paul|Hotel Victoria|Trattoria Da Mario|Joe's Pizza|The Royal George|Zum Goldenen Hirsch|Marriott Downtown"), 0},
		{"", "drug,medication,wirkstoff", oneOf("Ibuprofen 400 mg|Paracetamol|Metformin|Amoxicillin|Lisinopril|Atorvastatin|Omeprazole|Salbutamol|Warfarin"), 0},
		{"", "diagnosis,syndrome", oneOf("Parkinson's disease|Crohn's disease|Type 2 diabetes|Down syndrome|Hodgkin lymphoma|Asthma|Hypertension|Graves' disease"), 0},
		{"", "movie,film_title,album", oneOf("Annie Hall|Forrest Gump|Erin Brockovich|Jackie Brown|Mary Poppins|Barry Lyndon|Taxi Driver|Citizen Kane|The Matrix|Alien"), 0},
		{"", "team,club,opponent", oneOf("Real Madrid|Aston Villa|St. Louis Cardinals|Carlton|Bayern München|San Antonio Spurs|Inter Milan|Port Adelaide|Santos"), 0},
		{"", "dish,recipe,menu_item", oneOf("Caesar Salad|Eggs Benedict|Margherita|Crêpe Suzette|Beef Wellington|Chicken Kiev|Pavlova|Peach Melba"), 0},
		{"", "wine,grape,cheese", oneOf("Pinot Noir|Cabernet Sauvignon|Chardonnay|Riesling|Monterey Jack|Camembert|Sangiovese|Tempranillo"), 0},
		{"", "stadium,building,museum", oneOf("Madison Square Garden|Wembley|Camp Nou|Musée Rodin|Guggenheim|Allianz Arena|Chrysler Building|Santiago Bernabéu"), 0},
		{"", "font,theme,os_name", oneOf("Times New Roman|Helvetica Neue|Gill Sans|Windows 11|Ubuntu 22.04|Solarized Dark|Garamond|Fira Code"), 0},
		{"", "theorem,test_used", oneOf("Mann-Whitney|Kruskal-Wallis|Shapiro-Wilk|Student t|Fisher exact|Wilcoxon|Bonferroni|Kaplan-Meier|Cox"), 0},
		{"", "gene,protein,catalyst", oneOf("BRCA1|TP53|Hedgehog|Dicer|MYC|EGFR|APOE|Palladium|Frizzled"), 0},
	}
}

func exportedWork() []source {
	return []source{
		{"", "job_title,Position,beruf,cargo", oneOf("Software Engineer|Sales Manager|Nurse|Vice President|Data Analyst|Head Baker|Senior Carpenter|Mason|Project Manager|Cook|Butler|Clerk"), 5},
		{"", "dept,abteilung,cost_center_name", oneOf("Human Resources|Research & Development|Sales North|Vertrieb|Buchhaltung|Einkauf|Legal|IT Support"), 0},
		{"", "course,subject,major", oneOf("Linear Algebra|Art History|Organic Chemistry|Macroeconomics|Modern German Literature|Physical Education|Music Theory"), 0},
		{"", "anrede,salutation,title_prefix", oneOf("Herr|Frau|Mr|Mrs|Dr|Ms|Divers"), 0},
		{"", "relationship,kinship,contact_type", oneOf("Mother|Father|Spouse|Sister|Brother|Friend|Guardian|Phone|Email|Mail"), 0},
		{"", "religion,ethnicity,party,konfession", oneOf("Roman Catholic|Protestant|None|Jewish|Muslim|White British|Hispanic|Green|Liberal Democrat"), 10},
		{"", "answer,q12_reason,feedback,kommentar", oneOf("Too expensive for what it is|Very friendly staff|I would come again|Delivery was late twice|nothing to add|Alles bestens, gerne wieder|Die Lieferung kam zu spät"), 30},
		{"", "likert,satisfaction,agreement", oneOf("Strongly agree|Agree|Neutral|Disagree|Strongly disagree"), 5},
		{"", "category_name,segment,kategorie", oneOf("Home & Garden|Small Business|Baby Care|Young Families|Best Agers|Sports|Art"), 0},
		{"", "event_name,action,page_title", oneOf("Add To Cart|Sign Up|Page View|Start Trial|Contact Us|About Us|Our Team|Log Out"), 0},
		{"", "payment_type,card_brand,bank_name", oneOf("Visa|Mastercard|PayPal|Wells Fargo|JP Morgan|Deutsche Bank|Banco Santander|Barclays|Lloyds|Julius Bär"), 0},
		{"", "referrer_type,channel,source_name", oneOf("Organic Search|Direct|Social|Email|Phone|Walk In|Mary Kay Party"), 0},
		{"", "user_agent,ua,http_user_agent", oneOf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36|Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X)|python-requests/2.28.1|Googlebot/2.1 (+http://www.google.com/bot.html)"), 0},
		{"", "request_path,uri,endpoint_path", oneOf("/index.html|/api/v1/users|/static/app.js?v=12.4.0.1|/cart/checkout|/favicon.ico|/user/profile"), 0},
		{"", "policy_type,coverage,tarif", oneOf("Third Party|Comprehensive|Basic Plus|Family Gold|Vollkasko|Teilkasko"), 0},
		{"", "has_phone,mail_sent,Patient Type,name_verified,address_known", oneOf("Y|N|U"), 0},
		{"", "ward_name,shift,team_color", oneOf("Early|Late|Night|Blue|Red|North Wing|Maternity"), 0},
		{"", "seat,room_name,table_no", oneOf("Einstein|Curie|Newton|A12|Boardroom|Galileo|Tesla|B3|Kitchen"), 0},
	}
}

func exportedScripts() []source {
	return []source{
		{"", "城市,省份,column_7", oneOf("北京|上海|广州|深圳|成都|杭州|武汉|西安|南京|重庆"), 0},
		{"", "商品名称,类别", oneOf("蓝色杯子|不锈钢水壶|棉质衬衫|橡木桌|数据线|面霜|橄榄油|雨衣"), 0},
		{"", "都道府県,商品名", oneOf("東京都|大阪府|北海道|神奈川県|青い マグカップ|水筒|綿 シャツ|オリーブ オイル"), 0},
		{"", "город,товар,column_10", oneOf("Москва|Казань|Новосибирск|Нижний Новгород|Синяя кружка|Стальная бутылка|Куртка детская"), 0},
		{"", "المدينة,المنتج", oneOf("الرياض|جدة|القاهرة|دبي|كوب أزرق|زيت زيتون|شاي"), 0},
		{"", "शहर,उत्पाद", oneOf("दिल्ली|मुंबई|कोलकाता|चेन्नई|नीला कप|चाय|तेल"), 0},
		{"", "도시,품목", oneOf("서울|부산|대구|인천|광주|파란 머그|물병|차"), 0},
		{"", "πόλη,είδος", oneOf("Αθήνα|Θεσσαλονίκη|Πάτρα|Μπλε κούπα|Ελαιόλαδο"), 0},
	}
}

func exportedNumbers() []source {
	whole := func(lo, hi int64) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return strconv.FormatInt(lo+r.Int64N(hi-lo), 10) }
	}
	of := func(n int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return digits(r, n) }
	}
	float := func(mean, spread float64, precision int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return strconv.FormatFloat(mean+r.NormFloat64()*spread, 'f', precision, 64)
		}
	}
	comma := func(r *rand.Rand, row int) string {
		return strings.ReplaceAll(float(500, 200, 2)(r, row), ".", ",") + pick(r, "", " €")
	}
	return []source{
		{"", "umsatz,betrag,montant,importe", comma, 5},
		{"", "gross_pay,net_pay,premium_amt,phone_bill,address_score", float(2400, 500, 2), 0},
		{"", "bmi,heart_rate,temp_c,sensor_7", float(72, 9, 1), 20},
		{"", "lat,lng,gps_x,column_2", float(48, 2, 6), 0},
		{"", "geo_point,lat_lon", func(r *rand.Rand, row int) string { return float(48, 2, 5)(r, row) + "," + float(11, 2, 5)(r, row) }, 0},
		{"", "empno,student_no,pers_nr,member_no", whole(10_000, 99_999), 0},
		{"", "order_no,auftragsnr,num_commande,pedido", of(10), 0},
		{"", "column_1,belegnr,voucher_no", func(_ *rand.Rand, row int) string { return strconv.Itoa(4_500_000_000 + row*7) }, 0},
		{"", "case_no,claim_no,ticket_nr", of(8), 0},
		{"", "meter_no,counter_id,sim_serial", of(9), 0},
		{"", "bytes_sent,duration_us,session_no", whole(100_000_000, 999_999_999), 0},
		{"", "column_15,impressions", whole(6_000_000_000, 9_999_999_999), 0},
		{"", "ean_code,EAN13,column_16", func(r *rand.Rand, _ int) string {
			s := pick(r, "400", "500", "761", "978", "301") + pad(r.IntN(1_000_000_000), 9)
			return s + strconv.Itoa((10-weighted(s, 1, 3)%10)%10)
		}, 0},
		{"", "isbn10", func(r *rand.Rand, _ int) string {
			s := pad(r.IntN(1_000_000_000), 9)
			return s + "0123456789X"[(11-weighted(s, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11:][:1]
		}, 0},
		{"", "imei_nr", func(r *rand.Rand, _ int) string { return withLuhn("35" + digits(r, 12)) }, 0},
		{"", "iccid", func(r *rand.Rand, _ int) string { return withLuhn("8949" + digits(r, 14)) }, 0},
		{"", "plz,cp,cap,codigo_postal", func(r *rand.Rand, _ int) string { return pad(r.IntN(100_000), 5) }, 0},
		{"", "postnummer,PIN Code", whole(1000, 999_999), 0},
		{"", "houseno,hausnummer,house_number", func(r *rand.Rand, _ int) string { return strconv.Itoa(1+r.IntN(190)) + pick(r, "", "", "a") }, 0},
		{"", "last4,card_last_four,pin_length", of(4), 0},
		{"", "year_of_birth,geburtsjahr,annee", whole(1935, 2010), 0},
		{"", "tel_count,n_emails,name_len,ip_port,ssn_flag", whole(0, 9), 0},
		{"", "icd10,cpt_code,hs_code", oneOf("E11.9|99213|J45.40|6109.10|Z00.00|8471.30|I10"), 0},
		{"", "npi_taxonomy,naics,soc_code", oneOf("541511|621111|15-1252|29-1141|722511|11-9021"), 0},
		{"", "size_range,age_band,salary_range", oneOf("18-25|26-35|36-45|1000-1999|2000-2999|46-55"), 0},
	}
}

func exportedCodes() []source {
	const upper, hex = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789abcdef"
	return []source{
		{"", "part_no,material,Sachnummer", func(r *rand.Rand, _ int) string {
			return word(r, upper, 2) + digits(r, 4) + "-" + digits(r, 2) + word(r, upper, 1)
		}, 0},
		{"", "git_sha,revision,column_17", func(r *rand.Rand, _ int) string { return word(r, hex, 40) }, 0},
		{"", "short_sha,build_id", func(r *rand.Rand, _ int) string { return word(r, hex, 7) }, 0},
		{"", "sha256,content_hash", func(r *rand.Rand, _ int) string { return word(r, hex, 64) }, 0},
		{"", "trace_id,cookie_id,device_uuid", func(r *rand.Rand, _ int) string { return word(r, hex, 32) }, 0},
		{"", "object_key,s3_key,sort_key", func(r *rand.Rand, row int) string {
			return "exports/2024/" + pad(r.IntN(12)+1, 2) + "/part-" + pad(row, 5) + ".parquet"
		}, 0},
		{"", "app_version,api_version,driver_version", func(r *rand.Rand, _ int) string {
			return "v" + digits(r, 1) + "." + strconv.Itoa(r.IntN(30)) + "." + strconv.Itoa(r.IntN(12))
		}, 0},
		{"", "fw_rev,column_18", func(r *rand.Rand, _ int) string {
			return strconv.Itoa(r.IntN(4)) + "." + strconv.Itoa(r.IntN(10)) + "." + strconv.Itoa(r.IntN(10)) + "." + strconv.Itoa(r.IntN(10))
		}, 0},
		{"", "mac,ble_addr", func(r *rand.Rand, _ int) string {
			s := word(r, hex, 12)
			return strings.ToUpper(s[:2] + "-" + s[2:4] + "-" + s[4:6] + "-" + s[6:8] + "-" + s[8:10] + "-" + s[10:])
		}, 0},
		{"", "plate_no,kennzeichen", func(r *rand.Rand, _ int) string {
			return pick(r, "B", "M", "HH", "KA") + "-" + word(r, upper, 2) + " " + digits(r, 3)
		}, 0},
		{"", "lei,cusip", func(r *rand.Rand, _ int) string { return word(r, upper+"0123456789", 9) }, 0},
		{"", "ust_id,vat_no,company_reg", func(r *rand.Rand, _ int) string { return pick(r, "ATU", "DE1", "NL8", "PL5") + digits(r, 8) }, 0},
		{"", "sensor_id,gateway,node_name", func(r *rand.Rand, _ int) string { return pick(r, "sns", "gw", "node") + "-" + word(r, hex, 6) }, 0},
		{"", "batch,lot_no,charge", func(r *rand.Rand, _ int) string { return "L" + digits(r, 6) }, 0},
		{"", "doi,arxiv_id", func(r *rand.Rand, _ int) string { return "10." + digits(r, 4) + "/j." + digits(r, 6) }, 0},
		{"", "coupon,promo_code", func(r *rand.Rand, _ int) string { return pick(r, "SAVE", "ANNA", "MAX", "JUNE") + digits(r, 2) }, 0},
		{"", "dns_name,server_host,domain", func(r *rand.Rand, _ int) string {
			return "ip-10-0-" + digits(r, 2) + "-" + digits(r, 2) + ".ec2.example"
		}, 0},
		{"", "locale,tz,charset", oneOf("en_US|de_DE|Europe/Berlin|UTF-8|America/New_York|fr-FR"), 0},
		{"", "flight_no,train_no,course_code", func(r *rand.Rand, _ int) string { return pick(r, "LH", "ICE ", "CS-") + digits(r, 3) }, 0},
		{"", "dimension,screen,resolution", func(r *rand.Rand, _ int) string { return digits(r, 4) + "x" + digits(r, 3) }, 0},
		{"", "hex_color,rgb", func(r *rand.Rand, _ int) string { return "#" + word(r, hex, 6) }, 0},
	}
}

func exportedTimes() []source {
	at := func(layout string) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return time.Unix(1_300_000_000+r.Int64N(400_000_000), 0).UTC().Format(layout)
		}
	}
	return []source{
		{"", "hire_dt,Eintrittsdatum,date_entree,fecha_alta", at("02/01/2006"), 5},
		{"", "admit_dt,discharge,exam_date", at("2006-01-02 15:04"), 0},
		{"", "ts,log_time,column_19", at("2006-01-02T15:04:05.000Z"), 0},
		{"", "apache_time", at("02/Jan/2006:15:04:05 -0700"), 0},
		{"", "valid_thru,exp", at("01/06"), 0},
		{"", "letzte_bestellung,data_zamowienia,sipariş_tarihi", at("02.01.2006"), 10},
		{"", "founded,release_date,expiry", at("2006-01-02"), 0},
		{"", "dt_key,snapshot", at("20060102"), 0},
		{"", "stamp", at("20060102150405"), 0},
		{"", "unix_ms", func(r *rand.Rand, _ int) string {
			return strconv.FormatInt(1_600_000_000_000+r.Int64N(100_000_000_000), 10)
		}, 0},
		{"", "quarter,fiscal_period", at("2006-01"), 0},
		{"", "duration,elapsed", at("15:04:05"), 0},
	}
}
