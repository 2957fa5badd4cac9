package pii_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/pii/corpus"
)

// found says what a column of the values is.
func found(name string, values ...string) pii.Finding {
	c := pii.NewColumn(name)
	for _, v := range values {
		c.AddText(v, 1)
	}
	f, _ := c.Finding(int64(len(values)))
	return f
}

// Published numbers, most of them from the documents of those who give them.
func TestPublishedNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]pii.Kind{
		"4111111111111111": pii.CreditCard, "5555555555554444": pii.CreditCard, "378282246310005": pii.CreditCard, "6011111111111117": pii.CreditCard,
		"3530111333300000": pii.CreditCard, "4111 1111 1111 1111": pii.CreditCard, "4111111111111112": "", "1234567812345670": "",
		"DE89370400440532013000": pii.IBAN, "GB82 WEST 1234 5698 7654 32": pii.IBAN, "DE89370400440532013001": "", "DE8937040044053201300": "",
		"AB123456C": pii.NationalID, "BG123456C": "", "12345678Z": pii.NationalID, "12345678A": "", "X1234567L": pii.NationalID,
		"RSSMRA85T10A562S": pii.NationalID, "RSSMRA85T10A562T": "", "529.982.247-25": pii.NationalID, "529.982.247-26": "",
		"255081416802538": pii.NationalID, "756.9217.0769.85": pii.NationalID, "811218-9876": pii.NationalID,
		"078-05-1120": pii.SSN, "666-05-1120": "", "900-05-1120": "", "078-00-1120": "",
		"192.168.1.17": pii.IPAddress, "1.2.3.4": "", "256.1.1.1": "", "2001:db8::ff00:42:8329": pii.IPAddress, "12:30:45": "",
		"ada@example.org": pii.Email, "ada@example": "", "@ada": "", "a..@": "",
		"1EG4-TE5-MK73": pii.MedicalID,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			// Some rules want to see different values; one is enough for their forms.
			if got := found("x", value, value, value); got.Kind != want && want != pii.MedicalID {
				t.Errorf("%q is %q, should be %q", value, got.Kind, want)
			}
			if masked := pii.Quote(value) != value; masked != (want != "") && value != "1.2.3.4" {
				t.Errorf("quoted as %q", pii.Quote(value))
			}
		})
	}
}

// Numbers of persons as the offices that give them write them in their examples, and
// the same with the last character changed, which no office gives.
func TestNumbersOfPersons(t *testing.T) {
	t.Parallel()
	for right, wrong := range map[string]string{
		"10000000146": "10000000148", "11010519491231002X": "110105194912310021", "131052-308T": "131052-308U", "BOXW310820HNERXN09": "BOXW318820HNERXN09",
		"1800101221144": "1800101221145", "780123/0008": "780123/0009", "12.345.678-5": "12.345.678-6", "112-233-445 95": "112-233-445 96", "94577403194": "94577403195",
		"37605030299": "37605030298", "7523169263": "7523169264", "85.07.30-033.28": "85.07.30-033.29", "0101006500006": "0101006500007", "8001015009087": "8001015009088",
		"500100732259": "500100732258", "ABCPE1234F": "ABCQE1234F", "44051401359": "44051401358", "820701-2409184": "821701-2409184", "529 98 2247": "900 98 2247",
	} {
		t.Run(right, func(t *testing.T) {
			t.Parallel()
			if pii.Quote(right) == right {
				t.Errorf("%s is shown", right)
			}
			if pii.Quote(wrong) != wrong {
				t.Errorf("%s is hidden as %s", wrong, pii.Quote(wrong))
			}
		})
	}
}

func TestNumbersThatNeedAName(t *testing.T) {
	t.Parallel()
	for name, numbers := range map[string][]int64{
		"steuer_id": {86095742719, 47036892816, 65929970489}, "pesel": {44051401359, 2070803628}, "bsn": {111222333}, "tfn": {123456782}, "nif": {123456789}, "aba": {121000358},
	} {
		c := pii.NewColumn(name)
		for _, n := range numbers {
			c.AddInteger(n, 1)
		}
		f, ok := c.Finding(int64(len(numbers)))
		t.Logf("%s: %+v %v", name, f, ok)
		other := pii.NewColumn("x")
		for _, n := range numbers {
			other.AddInteger(n, 1)
		}
		if f, ok := other.Finding(int64(len(numbers))); ok {
			t.Errorf("%v without a name is %s", numbers, f.Kind)
		}
	}
}

func TestNamesAreWordsNotParts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"state", "hostname", "accounting", "estate", "skip", "shipment", "classname", "telemetry", "hotel", "tokenizer", "surnames_count", "zip"} {
		if f := found(name, "Fred", "open", "closed", "12", "alpha"); f.Kind != "" {
			t.Errorf("%q is %+v", name, f)
		}
	}
	// What values contradict is not so, whatever the name.
	for name, values := range map[string][]string{
		"email": {"yes", "no", "yes", "yes"}, "phone": {"red", "blue"}, "credit_card": {"Visa", "Amex"}, "ip": {"high", "low"}, "ssn": {"provided", "missing"}, "dob": {"a", "b"},
	} {
		if f := found(name, values...); f.Kind != "" {
			t.Errorf("%q of %v is %+v", name, values, f)
		}
	}
}

// TestNamesOfPeople looks at columns of values that are repeated with others.
func TestNamesOfPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, values string
		want         pii.Kind
	}{
		{"x", "Jane Smith|Peter Jones|Maria Garcia|Ahmed Khan|Li Wang|John Brown|Anna Müller|Tom Cook|Eva Novak|Luca Rossi|Paul Weber|Ines Silva", pii.PersonName},
		{"x", "SMITH, JANE|JONES, PETER|GARCIA, MARIA|KHAN, AHMED|WANG, LI|BROWN, JOHN|WEBER, PAUL|SILVA, INES|ROSSI, LUCA|COOK, ADA|NOVAK, EVA|ROTH, KLAUS", pii.PersonName},
		{"x", "Dr. Jane Smyth-Pettigrew|Mr Quillon Fasbrough|Mrs. Ova Tindrell|Prof. Z. Umbrage|Ms Iola Vexley|Mr Orrin Plack|Dr Una Welkin|Mr Ezry Toft|Mrs Nell Quist|Mr Bram Ostrey|Ms Oona Frith|Dr Ulf Karn", pii.PersonName},
		{"x", "Иванов Иван Иванович|Петрова Анна Сергеевна|Сидоров Олег Петрович|Козлова Вера Ильинична|Орлов Юрий Львович|Белов Пётр Ильич|Зуева Алла Олеговна|Гусев Лев Юрьевич|Мороз Яна Павловна|Волков Глеб Иванович|Титов Егор Олегович|Ким Инна Андреевна", pii.PersonName},
		{"x", "王伟|李娜|张敏|刘洋|陈静|杨帆|赵丽华|黄志强|周杰|吴秀英|徐磊|孙悦", pii.PersonName},
		{"x", "北京|上海|广州|深圳|成都|杭州|西安|南京|重庆|天津|苏州|青岛", ""},
		{"x", "Wayne|Franklin|Jefferson|Madison|Marion|Monroe|Montgomery|Lee|Clay|Union|Douglas|Washington", ""},
		{"x", "Blue Mug|Oak Table|Rose Water|Olive Oil|Ruby Ring|Ginger Ale|Steel Bolt|Desk Lamp|Amber Ale|Jasmine Tea|Pine Shelf|Wool Sock", ""},
		{"author", "Kaitlyn Castaneda|Zorblat Kwisp|Ada Lovelace|Vim Torrent|Bob Stone|Una Wray", pii.PersonName},
		{"author", "Penguin Books|Tor|Random House|Vintage|Orbit|Faber and Faber", ""},
		{"vorname", "Qirx|Zwolle|Brunhold|Etzel", pii.PersonName},
		{"station_name", "Jane Smith|Peter Jones|Maria Garcia|Ahmed Khan|Li Wang|John Brown|Anna Müller|Tom Cook|Eva Novak|Luca Rossi", ""},
		{"customer_name", "Weber GmbH|Smith & Co|Garcia Holdings|Brown Foods Ltd|Jones Bank|Silva Motors", ""},
		{"customer_type", "Jane|Peter|Maria|Ahmed|Li|John", ""},
		{"full_name", "n/a|unknown|Jane Smith|Peter Jones|None|Maria Garcia", pii.PersonName},
	} {
		t.Run(c.name+" "+c.values[:8], func(t *testing.T) {
			t.Parallel()
			if f := found(c.name, strings.Split(c.values, "|")...); f.Kind != c.want {
				t.Errorf("%+v, should be %q", f, c.want)
			}
		})
	}
}

// TestHeaders reads names of columns in several languages, abbreviated and compound.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for kind, c := range map[pii.Kind]struct{ value, names string }{
		pii.Phone:       {"6123456789", "tel_mob,Handynr.,n° de téléphone,numero_telefono,telefoonnummer,nr_telefone,Телефон,手机号码,رقم الهاتف,mobile_no,privattelefon"},
		pii.DateOfBirth: {"1980-04-05", "geb_dat,Geburtsdatum,date_naiss,fecha_nac,data_di_nascita,geboortedatum,data_urodzenia,dogum_tarihi,生年月日,дата рождения,D.O.B."},
		pii.Address:     {"12 Somewhere Else", "Lieferadresse,adresse1,direccion,indirizzo,endereço,woonadres,адрес,住所,gatuadress"},
	} {
		for name := range strings.SplitSeq(c.names, ",") {
			if f := found(name, c.value, c.value, c.value); f.Kind != kind || f.Name == "" {
				t.Errorf("%q is %+v, should be %s", name, f, kind)
			}
		}
		for _, name := range []string{"c3", "amount", "order_ref", "telemetry", "birth_weight", "ip_address_count"} {
			if f := found(name, c.value, c.value, c.value); f.Kind == kind {
				t.Errorf("%q is %+v", name, f)
			}
		}
	}
}

func TestFindingTellsWhy(t *testing.T) {
	t.Parallel()
	f := found("user_email", "ada@example.org", "bob@example.org", "n/a", "eve@example.org")
	if f.Kind != pii.Email || f.Matched != 3 || f.LookedAt != 4 || f.Name != "email" || f.Check == "" || f.Confidence < 0.8 || f.Risk != pii.Medium {
		t.Errorf("%+v", f)
	}
	if _, ok := pii.NewColumn("email").Finding(0); ok {
		t.Error("a column without values is personal")
	}
}

func TestPartsMerge(t *testing.T) {
	t.Parallel()
	for _, c := range corpus.Columns(4, 60) {
		whole, a, b := pii.NewColumn(c.Name), pii.NewColumn(c.Name), pii.NewColumn(c.Name)
		for i, v := range c.Values {
			whole.AddText(v, 1)
			if i%3 == 0 {
				a.AddText(v, 1)
			} else {
				b.AddText(v, 1)
			}
		}
		a.Merge(b)
		want, _ := whole.Finding(60)
		if got, _ := a.Finding(60); got != want {
			t.Errorf("%s: merged %+v, whole %+v", c.Name, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind        pii.Kind
		value, want string
	}{
		{pii.Email, "ada@example.org", "a***@example.org"},
		{pii.Email, "éva@example.org", "é***@example.org"},
		{pii.Phone, "+49 30 1234567", "***67"},
		{pii.SSN, "078-05-1120", "***1120"},
		{pii.CreditCard, "4111 1111 1111 1234", "***1234"},
		{pii.CreditCard, "12345", "***"},
		{pii.PersonName, "Ada Lovelace", "A***e"},
		{pii.PersonName, "Ada", "***"},
		{pii.APIKey, "sk_live_abcdefghijk", "***"},
		{pii.Address, "12 Oak Street", "1***t"},
		{pii.Other, "", ""},
		{pii.Email, "a***@example.org", "a***@example.org"},
	} {
		if got := pii.Mask(c.kind, c.value); got != c.want {
			t.Errorf("Mask(%s, %q) = %q, should be %q", c.kind, c.value, got, c.want)
		}
	}
	for _, cell := range []any{int64(4111111111111111), 4111.5, "4111111111111111", true} {
		if got, _ := pii.MaskAny(pii.CreditCard, cell).(string); !strings.HasPrefix(got, "***") {
			t.Errorf("%v is shown as %q", cell, got)
		}
	}
	if pii.MaskAny(pii.Email, nil) != nil {
		t.Error("a missing value became one")
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"ada@example.org", "4111111111111111", "+49 30 1234567", "00", "001", "M. X (", "GB82WEST12345698765432", "::", "\xff\xfe@a.bc", "eyJa.b.c", "12 Oak St", "Mr.", "2 Jan 2006"} {
		f.Add("email", s)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		c := pii.NewColumn(name)
		c.AddText(value, 3)
		c.AddInteger(int64(len(value))*1_234_567_891, 1)
		if found, ok := c.Finding(3); ok && (found.Confidence > 1 || found.Matched > 3 || found.Kind == "") {
			t.Fatalf("%q: %+v", value, found)
		}
		for _, k := range append(pii.Kinds(), pii.Other) {
			masked := pii.Mask(k, value)
			if pii.Mask(k, masked) != masked {
				t.Fatalf("%q is masked as %q and then again", value, masked)
			}
			if utf8.ValidString(value) && !utf8.ValidString(masked) {
				t.Fatalf("%q is masked as %q", value, masked)
			}
		}
		_ = pii.Quote(value)
	})
}

// BenchmarkScan looks at 10 MB of columns of all kinds.
func BenchmarkScan(b *testing.B) {
	columns := corpus.Columns(1, 3000)
	const size = 10_000_000
	b.SetBytes(size)
	for b.Loop() {
		for done := 0; done < size; {
			for _, c := range columns {
				looked := pii.NewColumn(c.Name)
				for _, v := range c.Values {
					looked.AddText(v, 1)
					done += len(v) + 1
				}
				if done >= size {
					break
				}
			}
		}
	}
}
