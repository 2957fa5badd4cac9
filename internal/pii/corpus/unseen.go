package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
)

// unseen are columns under the names that widespread programs and public registers
// give them in their exports. They were written when the rules were done, and the
// rules were left alone afterwards: what the search finds here is what it may be
// expected to find in tables of strangers. Should a rule be changed because of what
// is lost here, it is no longer that; write another set then.
func unseen() []source {
	var all []source
	for _, part := range [][]source{unseenPeople(), unseenReached(), unseenNumbers(), unseenThings(), unseenCodes()} {
		all = append(all, part...)
	}
	return all
}

// mixed are names as a payroll of a town of today has them.
func mixed() people {
	return folk("Marlon, Saoirse, Dietmar, Blessing, Ludivine, Hyacinth, Tobiasz, Nikhila, Zdravko, Oddny, Jacinta, Bartosz, Rosaura, Kwabena, Ottmar, Fabienne, Shanelle, Yusra, Eduardo, Marjolein, Ashleigh, Gunther, Thea, Milan, Xiomara, Siegrun, Leif, Parvaneh, Tevita, Jolene",
		"Achterberg, Mulcahy, Steinhauser, Osagie, Verbruggen, Quintanilla, Brzozowski, Raghunathan, Trajkovski, Skogstad, O'Farrell, Gutierrez, Czarnecki, Oppong, Wittmann, Desrosiers, McAllister, Al-Rashid, Figueroa, Hoogland, Pemberton, Tietz, Lindgren, Kostić, Villalobos, Baumgartner, Fjeld, Mostafavi, Taufa, Haddock")
}

func unseenPeople() []source {
	m := mixed()
	initials := func(r *rand.Rand, _ int) string { return m.last(r) + " " + m.first(r)[:1] + "." }
	return []source{
		{pii.PersonName, "FirstName,VORNA,recipient_first_name,Given name", m.firsts, 5},
		{pii.PersonName, "NACHN,LastName,RecipientLastName,SURNAME1", m.lasts, 5},
		{pii.PersonName, "Billing Name,Shipping Name,Assignee,Requester,committer", m.fulls, 10},
		{pii.PersonName, "Bewohner,Behandelnder Arzt,Kontoinhaber,Name des Kindes", m.fulls, 0},
		{pii.PersonName, "nom_et_prenom,Nom du titulaire,Médecin traitant,élève", m.sorted, 0},
		{pii.PersonName, "Nombre y apellidos,NOMBRE_TRABAJADOR,apoderado", m.fulls, 0},
		{pii.PersonName, "NOME_PACIENTE,nome_da_mae,Responsável financeiro", upper(m.fulls), 0},
		{pii.PersonName, "Nome e Cognome,Referente,Legale rappresentante", m.fulls, 20},
		{pii.PersonName, "Naam leerling,Contactpersoon,Ouder/verzorger", m.fulls, 0},
		{pii.PersonName, "Imię i nazwisko ucznia,Osoba kontaktowa", m.fulls, 0},
		{pii.PersonName, "Müşteri Adı Soyadı,Yetkili Kişi", m.fulls, 0},
		{pii.PersonName, "Yhteyshenkilö,Pasientens navn", m.fulls, 0},
		{pii.PersonName, "officer_name,candidate,VOTER_NAME", upper(m.sorted), 0},
		{pii.PersonName, "subject.name,Principal Investigator,instructor_of_record", m.fulls, 15},
		{pii.PersonName, "Sales Person,Closed By,caretaker", initials, 0},
		{pii.PersonName, "0,Spalte1,Unnamed: 0.1", m.fulls, 10},
		{pii.PersonName, "收货人姓名,经手人", oneOf("李建国|王秀兰|张伟东|刘晓燕|陈志明|杨雪梅|赵永强|黄丽萍|周文斌|吴桂芳|孙宏伟|马春花"), 0},
		{pii.PersonName, "ご担当者名,患者氏名", oneOf("橋本 直樹|石川 恵|前田 悠斗|藤田 陽菜|岡田 誠|長谷川 結衣|村上 海斗|近藤 彩|坂本 龍之介|遠藤 香織"), 0},
		{pii.PersonName, "Ф.И.О. сотрудника,Заказчик", oneOf("Белова Марина Викторовна|Гусев Павел Олегович|Ершов Артём Игоревич|Зуева Лариса Петровна|Мельник Юрий Андреевич|Тихонова Алла Романовна"), 0},
		{pii.PersonName, "اسم الموظف,اسم الطالب", oneOf("سامر خليل|رنا منصور|طارق الزعبي|هناء بدر|وسيم شاهين|دعاء عيسى|باسم حداد|لينا قاسم"), 0},
		{pii.PersonName, "छात्र का नाम", oneOf("अरुण मिश्रा|सरिता देवी|प्रदीप यादव|निशा ठाकुर|हरीश जोशी|रेनू चौहान|भरत पटेल|उमा पाण्डेय"), 0},
		{pii.PersonName, "고객명", oneOf("한지민|오세훈|배수지|신동엽|권나라|홍길동|유재석|문가영|송민호|안유진"), 0},
	}
}

func unseenReached() []source {
	m := mixed()
	us := func(r *rand.Rand, _ int) string {
		return pick(r, "+1 (", "(", "") + strconv.Itoa(212+r.IntN(700)) + pick(r, ") ", ")", "-") + strconv.Itoa(220+r.IntN(700)) + "-" + pad(r.IntN(10_000), 4)
	}
	german := func(r *rand.Rand, _ int) string {
		return pick(r, "Ringstr. ", "Zum Eichwald ", "Marienplatz ", "Ostendstraße ", "Hinter der Mauer ") + digits(r, 2)
	}
	return []source{
		{pii.Phone, "MobilePhone,Billing Phone,Home Phone,caller_number", us, 10},
		{pii.Phone, "TELF1,Telefon dienstlich,Rückrufnummer", func(r *rand.Rand, _ int) string { return "0" + digits(r, 3) + pick(r, " ", "-", "/") + digits(r, 6) }, 0},
		{pii.Phone, "N° de portable,Téléphone du responsable", func(r *rand.Rand, _ int) string {
			return pick(r, "06", "07") + " " + digits(r, 2) + " " + digits(r, 2) + " " + digits(r, 2) + " " + digits(r, 2)
		}, 30},
		{pii.Phone, "Teléfono móvil,TFNO_CONTACTO", mobileOf("es"), 0},
		{pii.Phone, "Fone,Celular do aluno", func(r *rand.Rand, _ int) string {
			return "(" + pick(r, "11", "21", "71") + ") 9" + digits(r, 4) + "-" + digits(r, 4)
		}, 0},
		{pii.Phone, "Recapito telefonico,Tel. cellulare", mobileOf("it"), 0},
		{pii.Phone, "Telefoon overdag,Tel. komórkowy", mobileOf("nl"), 0},
		{pii.Phone, "Cep Telefonu,Nomor HP", mobileOf("tr"), 0},
		{pii.Phone, "手机号,連絡先電話番号", func(r *rand.Rand, _ int) string {
			return pick(r, "138", "159", "186", "177") + digits(r, 8)
		}, 0},
		{pii.Phone, "Контактный телефон,رقم الجوال", func(r *rand.Rand, _ int) string {
			return pick(r, "+7 9", "8 (9") + digits(r, 2) + ") " + digits(r, 3) + "-" + digits(r, 2) + "-" + digits(r, 2)
		}, 0},
		{pii.Email, "Email Address,Customer Email,E-mailadres,UserPrincipalName,電子メール", func(r *rand.Rand, _ int) string {
			return strings.ToLower(m.first(r))[:1] + "." + strings.ToLower(word(r, "abcdefghiklmnoprst", 7)) + "@" + pick(r, "school.example.edu", "kliniek.example", "example.gov.au")
		}, 15},
		{pii.Email, "To,Kontakt", func(r *rand.Rand, _ int) string {
			return "\"" + m.fulls(r, 0) + "\" <" + word(r, "abcdefghi", 8) + "@post.example>"
		}, 0},
		{pii.Address, "MailingStreet,Billing Street,Incident Address,res_street_address", func(r *rand.Rand, _ int) string {
			return digits(r, 3+r.IntN(2)) + pick(r, " EAST 116 STREET", " Pinecrest Trl", " Harbor View Dr Unit 4", " N Kedzie Ave", " SW Barnes Rd", " Broadway Apt 2C")
		}, 5},
		{pii.Address, "STRAS,Straße/Hausnr.,Rechnungsadresse", german, 0},
		{pii.Address, "Adresse du domicile,Voie", func(r *rand.Rand, _ int) string {
			return digits(r, 2) + pick(r, " rue des Acacias", ", avenue Jean Jaurès", " quai de la Loire", " ter route de Lyon")
		}, 0},
		{pii.Address, "Dirección de entrega,Domicilio particular", func(r *rand.Rand, _ int) string {
			return pick(r, "Calle Colón ", "Avenida Juárez ", "Carrera 15 # 93-", "Plaza España, ") + digits(r, 2)
		}, 0},
		{pii.Address, "Endereço residencial", func(r *rand.Rand, _ int) string {
			return pick(r, "Rua Treze de Maio, ", "Avenida Brasil, ", "Praça da Sé, ") + digits(r, 3)
		}, 0},
		{pii.Address, "Indirizzo di residenza,Bezoekadres", func(r *rand.Rand, _ int) string {
			return pick(r, "Via Leonardo da Vinci ", "Viale Europa ", "Stationsweg ", "Herengracht ") + digits(r, 2)
		}, 0},
		{pii.Address, "Adres do korespondencji,Folkeregistrert adresse", func(r *rand.Rand, _ int) string {
			return pick(r, "ul. Słowackiego ", "ul. Polna ", "Storgata ", "Kirkeveien ") + digits(r, 2) + pick(r, "", "/5", " B")
		}, 0},
		{pii.Address, "联系地址,お届け先住所", func(r *rand.Rand, _ int) string {
			return pick(r, "深圳市南山区科技路", "杭州市西湖区文三路", "成都市武侯区人民南路") + digits(r, 2) + "号" + digits(r, 1) + "栋"
		}, 0},
	}
}

func unseenNumbers() []source {
	return []source{
		{pii.DateOfBirth, "GBDAT,Geburtsdatum des Kindes,Doğum Tarihi", dated("02.01.2006"), 0},
		{pii.DateOfBirth, "Birthdate,Student DOB,patient.birthDate", dated("2006-01-02"), 10},
		{pii.DateOfBirth, "Date de naissance,Fecha de nacimiento,Data de Nascimento", dated("02/01/2006"), 5},
		{pii.DateOfBirth, "Né(e) le,Geboren,Data urodzenia ucznia", dated("02-01-2006"), 0},
		{pii.DateOfBirth, "出生年月,День рождения", dated("2006-01-02"), 0},
		{pii.IPAddress, "IPAddress,ip_addr_v4,clientIp,RemoteIP", ip4, 5},
		{pii.SSN, "Social Security #,SocialSecurityNum,taxpayer_ssn", plain(ssnNumber), 10},
		{pii.NationalID, "PERID,Nr PESEL,Rijksregisternr", plain(peselNumber), 0},
		{pii.NationalID, "DNI del alumno,Num. documento", plain(dniNumber), 0},
		{pii.NationalID, "CPF do responsável", func(r *rand.Rand, _ int) string {
			s := cpfNumber(r)
			return s[:3] + "." + s[3:6] + "." + s[6:9] + "-" + s[9:]
		}, 0},
		{pii.NationalID, "T.C. Kimlik Numarası", plain(kimlikNumber), 0},
		{pii.NationalID, "Codice fiscale dipendente,N° sécurité sociale", func(r *rand.Rand, _ int) string { return pick(r, codiceNumber(r), inseeNumber(r)) }, 0},
		{pii.NationalID, "Passport No.,Ausweis-Nr.,driverLicenseNumber", func(r *rand.Rand, _ int) string { return pick(r, "L", "P", "T") + word(r, "0123456789CFGHJK", 8) }, 20},
		{pii.NationalID, "公民身份号码", plain(residentNumber), 0},
		{pii.CreditCard, "Card Number,cardNo,Kreditkartennummer", cardPlain, 0},
		{pii.IBAN, "IBAN Code,Bankkonto,payout_iban", plain(ibanNumber), 15},
		{pii.FinancialAccount, "BANKN,Kontonummer (alt),bank_acct_number", func(r *rand.Rand, _ int) string { return digits(r, 9) }, 0},
		{pii.MedicalID, "Patient Identifier,Patienten-ID,medicalRecordNumber", func(r *rand.Rand, _ int) string { return digits(r, 7) }, 0},
		{pii.MedicalID, "NHS_NUMBER_STATUS_TRACED,nhsNo", plain(nhsNumber), 0},
		{pii.MedicalID, "Versichertennummer eGK,Numéro de dossier patient", func(r *rand.Rand, _ int) string { return word(r, "AKLMPRX", 1) + digits(r, 9) }, 0},
		{pii.APIKey, "API Token,consumer_secret,DB_PASSWORD", func(r *rand.Rand, _ int) string { return word(r, "abcdefghijkmnopqrstuvwxyzABCDEFGH23456789", 24) }, 0},
		{pii.APIKey, "payload", func(r *rand.Rand, _ int) string {
			return "curl -H 'X-Key: sk_live_" + word(r, "abcdefgh0123456789XYZ", 24) + "'"
		}, 60},
	}
}

func cardPlain(r *rand.Rand, _ int) string { return cardNumber(r) }

func unseenThings() []source {
	return []source{
		{"", "Lineitem name,Produktname,nombre_producto,product_title", oneOf("Merino Crew Socks - Charcoal / M|Ash Wood Stool|Lavender Hand Soap|Trail Runner 3|Linen Duvet Cover Queen|Enamel Camping Mug|Sierra Backpack 40L|Pearl Earrings|Kenya Coffee Beans"), 0},
		{"", "ORT01,Billing City,Wohnsitz,Localité", oneOf("Fulda|Sankt Augustin|Neustadt|Oberursel|Villach|Montreux|Saint-Malo|Verden|Bad Kissingen|Marl"), 0},
		{"", "borough,Neighbourhood,COMMUNITY AREA", oneOf("BROOKLYN|QUEENS|STATEN ISLAND|Lincoln Park|Hyde Park|Albany Park|Washington Heights|Edison Park|Douglas"), 0},
		{"", "Complaint Type,Primary Type,Offense", oneOf("Noise - Residential|HEAT/HOT WATER|THEFT|BATTERY|Illegal Parking|Street Condition|CRIMINAL DAMAGE"), 0},
		{"", "CompanyName,NAME_OF_ORGANISATION,Legal Entity,Raison sociale", oneOf("HARRISON & CLARK LIMITED|Bright Path Consulting Ltd|MARTIN HOLDINGS PLC|Weber Maschinenbau GmbH|SCI DU PARC|Fratelli Bianchi S.n.c.|Jones Lang LaSalle|Arthur D. Little"), 0},
		{"", "room_type,property_type,Tarifname", oneOf("Entire home/apt|Private room|Shared room|Hotel room|Loft|Villa"), 0},
		{"", "stop_name,trip_headsign,route_long_name", oneOf("Main St & 4th Ave|Grand Central|Oakland City Center|Franklin Square|Charles/MGH|Ruggles|Porter|Jackson Park Express"), 0},
		{"", "Summary,Issue Type,Betreff", oneOf("Login fails after update|Add dark mode|Crash on start|Bug|Story|Rename column in export|Datei lässt sich nicht öffnen"), 0},
		{"", "job_family,Stellenbezeichnung,Poste occupé,puesto", oneOf("Lead Developer|Marketing Manager|Krankenpfleger|Chef de projet|Contable|Assistant Professor|Warehouse Associate|Barista"), 0},
		{"", "vehicle_model,Car Name,make_and_model", oneOf("ford torino|Toyota Corolla|Chevrolet Camaro|Porsche Carrera|Fiat Uno|Alfa Romeo Giulia|Chrysler Sebring|Renault Clio"), 0},
		{"", "wine_name,variety,designation", oneOf("Cabernet Franc|Pinot Gris|Reserva|Estate Bottled|Martha's Vineyard|Sauvignon Blanc|Petite Sirah|Nebbiolo"), 0},
		{"", "Plant,cultivar,tree_species", oneOf("Honeylocust|London planetree|Norway maple|Acer rubrum|Rosa rugosa|Peace Rose|Ginkgo biloba|Black Eyed Susan"), 0},
		{"", "dog_name_breed,Breed Name,Rasse", oneOf("Labrador Retriever|Jack Russell Terrier|Bernese Mountain Dog|Cavalier King Charles Spaniel|Dachshund|Saint Bernard"), 0},
		{"", "team_name,HomeTeam,Verein,squadra", oneOf("Crystal Palace|Werder Bremen|Leeds|Juventus|Sheffield Wednesday|Aston Villa|Paris Saint-Germain|Real Betis"), 0},
		{"", "exhibit,gallery,Gebäude", oneOf("Tate Modern|East Wing|Haus A|Pergamon|Frick Collection|Rodin Garden"), 0},
		{"", "song_title,artist_genre,Album", oneOf("Billie Jean|Hey Jude|Eleanor Rigby|Layla|Roxanne|Peggy Sue|Jolene|Angie|Rosanna|Sweet Caroline|Maggie May|Proud Mary"), 0},
		{"", "Financial Status,Fulfillment Status,statut", oneOf("paid|pending|refunded|partially_refunded|fulfilled"), 0},
		{"", "Bundesland,région,departamento,voivodeship", oneOf("Bayern|Hessen|Bretagne|Normandie|Antioquia|Santander|Mazowieckie|Occitanie"), 0},
		{"", "grade_subject,Fach,matière", oneOf("Mathematik|Deutsch|Physique|Histoire-Géo|Sport|Latin|Musik"), 0},
		{"", "medication_name,active_ingredient,Präparat", oneOf("Aspirin Protect 100|Simvastatin|Ramipril 5 mg|L-Thyroxin|Pantoprazol|Bisoprolol"), 0},
		{"", "c2,Spalte7,V5", oneOf("Maple Syrup|Earl Grey|Victoria Sponge|Granny Smith|Pink Lady|Golden Delicious|Cox Orange|Bartlett|Bosc|Gala"), 0},
		{"", "Unnamed: 7,_3", oneOf("Lakewood|Fort Worth|Cedar Rapids|Baton Rouge|Santa Fe|Jersey City|St. Paul|Colorado Springs|Virginia Beach|Chandler|Irving|Garland"), 0},
		{"", "品名,规格", oneOf("高粱酒|白糖|黄豆|方便面|石榴汁|金橘|马铃薯|钱包"), 0},
		{"", "Наименование товара,Область", oneOf("Молоко|Хлеб ржаной|Московская|Тульская|Сыр Российский|Ленинградская|Чай Майский"), 0},
		{"", "comments_public,q7_other,Bemerkungen", oneOf("None of the above|The staff was great!|too long|Bitte Rechnung beilegen|ok|I like Tuesday sessions best"), 40},
	}
}

func unseenCodes() []source {
	const hex, upper = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	at := func(layout string) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return time.Unix(1_350_000_000+r.Int64N(350_000_000), 0).UTC().Format(layout)
		}
	}
	of := func(n int) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return digits(r, n) }
	}
	return []source{
		{"", "PERNR,Respondent ID,Badge,BELNR,Konto_ID", of(8), 0},
		{"", "Order ID,shipment_nr,Vorgangsnummer,n_commande", of(10), 0},
		{"", "Unique Key,Case Number,ticketid", func(_ *rand.Rand, row int) string { return strconv.Itoa(51_000_000 + row*13) }, 0},
		{"", "Lineitem sku,Artikelnr.,codigo_articulo", func(r *rand.Rand, _ int) string { return word(r, upper, 3) + digits(r, 5) }, 0},
		{"", "OwnerId,AccountId,sfdc_id", func(r *rand.Rand, _ int) string { return "0013" + word(r, upper+"abcdefghij0123456789", 14) }, 0},
		{"", "Barcode,GTIN-13,codice_ean", func(r *rand.Rand, _ int) string {
			s := pick(r, "80", "54", "40", "87") + pad(r.IntN(1_000_000_000), 10)
			return s + strconv.Itoa((10-weighted(s, 1, 3)%10)%10)
		}, 0},
		{"", "Created at,Paid at,CreatedDate,Buchungsdatum", at("2006-01-02 15:04:05 -0700"), 0},
		{"", "date_embauche,fecha_baja,Vertragsbeginn,data_admissao", at("02/01/2006"), 5},
		{"", "Expiration Date,last_seen_on,Prüfdatum", at("2006-01-02"), 0},
		{"", "mtime,event_ts_ms", func(r *rand.Rand, _ int) string {
			return strconv.FormatInt(1_650_000_000_000+r.Int64N(50_000_000_000), 10)
		}, 0},
		{"", "commit_hash,tree,parent_sha", func(r *rand.Rand, _ int) string { return word(r, hex, 40) }, 0},
		{"", "pod_uid,correlation_id,anonymousId", func(r *rand.Rand, _ int) string {
			return word(r, hex, 8) + "-" + word(r, hex, 4) + "-4" + word(r, hex, 3) + "-a" + word(r, hex, 3) + "-" + word(r, hex, 12)
		}, 0},
		{"", "image_tag,kernel,pkg_version", func(r *rand.Rand, _ int) string {
			return strconv.Itoa(r.IntN(8)) + "." + strconv.Itoa(r.IntN(20)) + "." + strconv.Itoa(r.IntN(9)) + "-" + strconv.Itoa(r.IntN(30))
		}, 0},
		{"", "Zip,POST_CODE,PSTLZ,Postleitzahl", of(5), 0},
		{"", "stop_lat,Latitude,GPS", func(r *rand.Rand, _ int) string { return strconv.FormatFloat(40+r.Float64()*10, 'f', 5, 64) }, 0},
		{"", "Total,Subtotal,Netto,solde", func(r *rand.Rand, _ int) string { return strconv.FormatFloat(r.Float64()*900, 'f', 2, 64) }, 5},
		{"", "account_balance_usd,card_limit,phone_minutes,address_count", func(r *rand.Rand, _ int) string { return strconv.Itoa(r.IntN(5000)) }, 0},
		{"", "Birth Year,age_group_code,BirthMonth", func(r *rand.Rand, _ int) string { return strconv.Itoa(1940 + r.IntN(70)) }, 0},
		{"", "serial_no,Gerätenummer,asset_tag", func(r *rand.Rand, _ int) string { return "SN" + digits(r, 8) }, 0},
		{"", "CNPJ,SIRET,company_number", of(14), 0},
		{"", "container_no,awb", func(r *rand.Rand, _ int) string { return "MSKU" + digits(r, 7) }, 0},
		{"", "NPI,taxonomy_code", func(r *rand.Rand, _ int) string { return "1" + digits(r, 9) }, 0},
		{"", "bytes,sequence_number,offset", of(11), 0},
		{"", "user_agent_string,request", oneOf("GET /img/logo.png HTTP/1.1|POST /login HTTP/1.1|Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)|GET /?lang=de HTTP/2"), 0},
		{"", "EmailOptIn,phone_type,Address Type,name_suffix,ip_version,Preferred Contact Method", oneOf("Yes|No|Home|Work|IPv4|Jr.|Mail"), 20},
		{"", "password_updated,token_count,secret_level,key_code", oneOf("2021-04-03|12|7|high|low|3"), 0},
	}
}
