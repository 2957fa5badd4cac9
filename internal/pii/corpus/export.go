package corpus

import (
	"math/rand/v2"
	"strings"

	"github.com/narrativeml/narrative/internal/pii"
)

// exports are columns as the programs of shops, hospitals, schools, banks and offices
// of many countries write them into files, under the names that they have there.
// They were written before the rules that came after the second set, without regard
// to any rule. What the search found on them before it was changed is in ADR 26;
// since then they are no longer unseen.
//
// What counts: names of people, whatever they are there for (authors, directors,
// players), but not what is named after somebody. An address has a number of a
// house; the name of a street alone is none, as are cities and postal codes alone.
// Identifiers of a customer, an order or a device are no kind of the search.
func exports() []source {
	var all []source
	for _, part := range [][]source{exportedNames(), exportedForeign(), exportedPhones(), exportedAddresses(), exportedContacts(), exportedIdentities(), exportedAccounts()} {
		all = append(all, part...)
	}
	return append(all, exportedOther()...)
}

func exportedNames() []source {
	en, uk, de, all := american(), british(), german(), everybody()
	titled := func(p people, titles ...string) func(*rand.Rand, int) string {
		return func(r *rand.Rand, row int) string { return pick(r, titles...) + " " + p.fulls(r, row) }
	}
	initial := func(p people) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string { return p.first(r)[:1] + ". " + p.last(r) }
	}
	middle := func(p people) func(*rand.Rand, int) string {
		return func(r *rand.Rand, _ int) string {
			return p.first(r) + pick(r, " A. ", " J ", " M. ", " ") + p.last(r) + pick(r, "", "", "", " Jr.", " III")
		}
	}
	return []source{
		// Customers, offices, wages.
		{pii.PersonName, "cust_nm,Account Owner,sales_rep", en.fulls, 0},
		{pii.PersonName, "fname,FIRST_NM,Given Name(s)", en.firsts, 5},
		{pii.PersonName, "lname,LAST_NM,family_nm", en.lasts, 5},
		{pii.PersonName, "contact_person,emergency_contact", uk.fulls, 60},
		{pii.PersonName, "Empl Name,approver", middle(en), 0},
		{pii.PersonName, "emp_full_nm,payee", upper(middle(en)), 10},
		{pii.PersonName, "line_manager,reported_by", all.fulls, 20},
		{pii.PersonName, "beneficiary_name,policyholder", all.sorted, 0},
		{pii.PersonName, "insured,claimant", all.shouted, 10},
		{pii.PersonName, "billing_name,Ship To Name,cardholder", noisy(8, all.fulls), 0},
		{pii.PersonName, "assigned_to,created_by_user", lower(uk.fulls), 0},
		// Hospitals and schools.
		{pii.PersonName, "pt_name,attending", func(r *rand.Rand, row int) string { return upper(en.sorted)(r, row) }, 0},
		{pii.PersonName, "physician,ref_doctor", titled(all, "Dr.", "Dr", "Prof."), 15},
		{pii.PersonName, "next_of_kin,nok", uk.fulls, 60},
		{pii.PersonName, "student,pupil_name,teacher", uk.fulls, 0},
		{pii.PersonName, "parent1,guardian", titled(uk, "Mr", "Mrs", "Ms"), 0},
		{pii.PersonName, "author,Authors", initial(all), 0},
		{pii.PersonName, "column_2,field7,_c1,Unnamed: 3", all.fulls, 0},
		{pii.PersonName, "column_4,var2", all.sorted, 0},
		{pii.PersonName, "Column5,X.2", noisy(6, en.fulls), 60},
		// Of other countries.
		{pii.PersonName, "kd_name,ansprechpartner,Sachbearbeiter", de.fulls, 0},
		{pii.PersonName, "vn,Rufname", de.firsts, 0},
		{pii.PersonName, "nn,Familienname,geburtsname", de.lasts, 10},
		{pii.PersonName, "versicherter,Schüler", de.sorted, 0},
		{pii.PersonName, "nom_client,salarié,interlocuteur", french().fulls, 0},
		{pii.PersonName, "Nom,nom_naissance", upper(french().lasts), 5},
		{pii.PersonName, "Prénom,prenom_usuel", french().firsts, 0},
		{pii.PersonName, "nombre_cliente,paciente,Titular", spanish().fulls, 0},
		{pii.PersonName, "apellidos,primer_apellido", spanish().lasts, 0},
		{pii.PersonName, "nome_completo,aluno,responsavel", portuguese().fulls, 0},
		{pii.PersonName, "sobrenome,apelido", portuguese().lasts, 0},
		{pii.PersonName, "cognome,COGNOME_ASSISTITO", upper(italian().lasts), 0},
		{pii.PersonName, "nominativo,intestatario", italian().sorted, 0},
		{pii.PersonName, "voornaam,roepnaam", dutch().firsts, 0},
		{pii.PersonName, "achternaam,naam_klant", dutch().fulls, 0},
		{pii.PersonName, "imie,imię_nazwisko,nazwisko", polish().fulls, 0},
		{pii.PersonName, "ad_soyad,soyadi,musteri_adi", turkish().fulls, 0},
		{pii.PersonName, "etternavn,kundnamn", nordic().fulls, 0},
	}
}

func exportedForeign() []source {
	ru, gr, in, ar := russian(), greek(), hindi(), arabic()
	return []source{
		{pii.PersonName, "姓名,客户,column_1", oneOf(strings.Join(chinese(), "|")), 0},
		{pii.PersonName, "お名前,顧客名,col_3", oneOf(strings.Join(japanese(), "|")), 0},
		{pii.PersonName, "성명,담당자", oneOf(strings.Join(korean(), "|")), 0},
		{pii.PersonName, "ФИО,клиент,поле_2", func(r *rand.Rand, _ int) string {
			return ru.last(r) + " " + ru.first(r) + pick(r, " Иванович", " Сергеевна", " Петрович", "")
		}, 0},
		{pii.PersonName, "Фамилия,fam", ru.lasts, 5},
		{pii.PersonName, "ονοματεπώνυμο,c4", gr.fulls, 0},
		{pii.PersonName, "नाम,customer_name_local", in.fulls, 0},
		{pii.PersonName, "الاسم,اسم العميل,x3", ar.fulls, 0},
		{pii.Address, "住所,送付先", func(r *rand.Rand, _ int) string {
			return pick(r, "東京都新宿区西新宿", "大阪府大阪市北区梅田", "神奈川県横浜市西区") + digits(r, 1) + "-" + digits(r, 1) + "-" + digits(r, 2)
		}, 0},
		{pii.Address, "адрес,адрес_доставки", func(r *rand.Rand, _ int) string {
			return pick(r, "ул. Ленина, д. ", "г. Москва, ул. Тверская, д. ", "проспект Мира, ") + digits(r, 2) + pick(r, "", ", кв. "+digits(r, 2))
		}, 0},
		{pii.Address, "地址,收货地址", func(r *rand.Rand, _ int) string {
			return pick(r, "北京市朝阳区建国路", "上海市浦东新区世纪大道", "广州市天河区体育西路") + digits(r, 2) + "号"
		}, 0},
		{pii.Phone, "電話番号,телефон,电话", func(r *rand.Rand, row int) string {
			return pick(r, mobileOf("jp")(r, row), "03-"+digits(r, 4)+"-"+digits(r, 4))
		}, 0},
	}
}

func exportedPhones() []source {
	us := func(r *rand.Rand, row int) string {
		n := mobileOf("us")(r, row)
		return pick(r, "("+n[:3]+") "+n[3:6]+"-"+n[6:], n[:3]+"-"+n[3:6]+"-"+n[6:], n[:3]+" "+n[3:6]+" "+n[6:], "1-"+n[:3]+"-"+n[3:6]+"-"+n[6:])
	}
	return []source{
		{pii.Phone, "tel_mob,handynr,Mobil", mobileOf("de"), 10},
		{pii.Phone, "nr_telefone,celular,whatsapp", mobileOf("br"), 0},
		{pii.Phone, "num_tel,portable", mobileOf("fr"), 60},
		{pii.Phone, "tlf_movil,móvil", mobileOf("es"), 0},
		{pii.Phone, "cellulare,recapito", mobileOf("it"), 0},
		{pii.Phone, "numer_telefonu,kom", mobileOf("pl"), 0},
		{pii.Phone, "cep_tel,gsm", mobileOf("tr"), 0},
		{pii.Phone, "telefoonnummer,mob_nr", mobileOf("nl"), 0},
		{pii.Phone, "telemóvel,telemovel_1", mobileOf("pt"), 0},
		{pii.Phone, "mobile_no,contact_no", mobileOf("in"), 0},
		{pii.Phone, "Телефон клиента", mobileOf("ru"), 0},
		{pii.Phone, "msisdn,caller_id,a_number", func(r *rand.Rand, row int) string { return strings.TrimPrefix(mobileOf("")(r, row), "+") }, 0},
		{pii.Phone, "Phone (work),daytime_phone,cust_ph", us, 5},
		{pii.Phone, "cell,Cell #", noisy(10, us), 0},
		{pii.Phone, "evening_tel,contact_tel", mobileOf("uk"), 20},
		{pii.Phone, "column_6,field12", us, 0},
		{pii.Phone, "column_9,Unnamed: 5", mobileOf(""), 10},
		{pii.Phone, "Rufnummer,Tel. privat,festnetz", grouped, 0},
		{pii.Phone, "emergency_phone,callback", noisy(8, grouped), 60},
	}
}

func exportedAddresses() []source {
	german := func(r *rand.Rand, _ int) string {
		return pick(r, "Bahnhofstr. ", "Am Mühlbach ", "Schillerplatz ", "Gartenweg ", "Berliner Allee ", "Königsberger Straße ", "Auf der Heide ", "Lange Gasse ") + digits(r, 2) + pick(r, "", "", "a", " b")
	}
	french := func(r *rand.Rand, _ int) string {
		return digits(r, 2) + pick(r, "", " bis", ",") + pick(r, " rue Pasteur", " impasse des Lilas", " chemin du Moulin", " allée des Tilleuls", " bd Voltaire", " place de la Mairie")
	}
	american := func(r *rand.Rand, _ int) string {
		return digits(r, 4) + pick(r, " W Elm St", " NE 42nd Ave", " County Road 12", " Ridgewood Ct", " Old Mill Pkwy", " State Hwy 7", " S Lincoln Ter") + pick(r, "", " Apt "+digits(r, 1), ", Suite "+digits(r, 3))
	}
	british := func(r *rand.Rand, _ int) string {
		return pick(r, "", "Flat "+digits(r, 1)+", ") + digits(r, 2) + pick(r, " Church Close", " Manor Crescent", " Station Road", " Victoria Terrace", " The Green", " Mill Lane") + pick(r, "", ", Bristol BS1 4DJ", ", Leeds")
	}
	return []source{
		{pii.Address, "cust_addr,Mailing Street,addr_ln1", american, 0},
		{pii.Address, "column_8,field_10", american, 0},
		{pii.Address, "property_address,home_addr", func(r *rand.Rand, row int) string {
			return american(r, row) + pick(r, ", Tulsa, OK ", ", Boise ID ", ", Madison, WI ") + digits(r, 5)
		}, 10},
		{pii.Address, "Anschrift,str_hausnr,wohnadresse", german, 0},
		{pii.Address, "lieferanschrift,spalte_7", func(r *rand.Rand, row int) string {
			return german(r, row) + ", " + digits(r, 5) + " " + pick(r, "Köln", "Jena", "Ulm", "Kassel")
		}, 5},
		{pii.Address, "adr_client,domicile,adresse1", french, 0},
		{pii.Address, "Correspondence Address,location_address", british, 0},
		{pii.Address, "domicilio,dir_envio", func(r *rand.Rand, _ int) string {
			return pick(r, "C/ Alcalá, ", "Avda. de la Constitución ", "Pza. Mayor ", "Paseo del Prado, nº ", "Cra. 7 # 45-") + digits(r, 2) + pick(r, "", ", 3º B", " 2º izq.")
		}, 0},
		{pii.Address, "endereco,logradouro", func(r *rand.Rand, _ int) string {
			return pick(r, "Rua das Flores, ", "Av. Paulista, ", "Travessa do Carmo, nº ", "R. Sete de Setembro, ", "Alameda Santos ") + digits(r, 3) + pick(r, "", " - apto "+digits(r, 2))
		}, 0},
		{pii.Address, "indirizzo,residenza", func(r *rand.Rand, _ int) string {
			return pick(r, "Via Garibaldi, ", "Corso Italia ", "Piazza Dante ", "V.le dei Mille, ", "Largo Augusto ") + digits(r, 2) + pick(r, "", "/A", " int. 4")
		}, 0},
		{pii.Address, "adres,woonadres", func(r *rand.Rand, _ int) string {
			return pick(r, "Dorpsstraat ", "Prinsengracht ", "Molenweg ", "Beatrixlaan ", "Marktplein ") + digits(r, 2) + pick(r, "", "-hs", " bis")
		}, 0},
		{pii.Address, "adres_zamieszkania,ulica_nr", func(r *rand.Rand, _ int) string {
			return pick(r, "ul. Kwiatowa ", "ul. Mickiewicza ", "al. Jana Pawła II ", "os. Słoneczne ") + digits(r, 2) + pick(r, "", "/"+digits(r, 1), " m. "+digits(r, 1))
		}, 0},
		{pii.Address, "adres_satiri,ikametgah", func(r *rand.Rand, _ int) string {
			return pick(r, "Atatürk Cad. No: ", "Bağdat Caddesi No:", "Lale Sok. No ", "Cumhuriyet Mah. Gül Sk. No: ") + digits(r, 2)
		}, 0},
	}
}
