package pii

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Family names of East Asia by which names are told; the frequent ones cover most
// people there.
const (
	chineseFamilies  = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔崔邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文張劉陳楊趙黃吳孫馬羅鄭謝韓馮蕭鄧許呂蘇盧蔣賈葉閻餘鐘譚鄒陸顧萬錢湯賀賴龔"
	koreanFamilies   = "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어"
	japaneseFamilies = "佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 斉藤 清水 山崎 森 池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 金子 藤原 岡本 三浦 中野 中川 原田 松田 竹内 小野 田村 中山 和田 石田 森田 上田 原 内田 柴田 酒井 宮崎 横山 高木 安藤 宮本 大野 小島 谷口 工藤 今井 高田 増田 丸山 杉山 村田 大塚 新井 小山 平野 藤本 河野 上野 野口 武田 松井 千葉 菅原 岩崎 久保 木下 佐野 野村 松尾 市川 菊地 杉本 古川 大西 島田 水野 桜井 高野 渡部 山内 西田 飯田 吉川 菊池 西川 小松 北村 安田 五十嵐 川口 平田 関 中田 久保田 服部 東 岩田 土屋 川崎 福島 本田 辻 樋口 秋山 田口 永井 山中 中西 吉村 川上 石原 大橋 松岡 馬場 浜田 森本 星野 矢野 浅野 松下 大久保 吉岡"
)

// Given and family names in Cyrillic, Greek, Devanagari and Arabic letters, without
// accents.
const ownNames = `иван ольга дмитрий екатерина сергей анастасия николай светлана александр алексей андрей анна антон артем борис валентина валерий василий вера виктор виктория виталий владимир вячеслав галина георгий григорий дарья денис евгений евгения егор елена елизавета игорь илья инна ирина кирилл константин ксения лариса леонид любовь людмила максим маргарита марина мария михаил надежда наталья наталия никита нина оксана олег павел петр полина роман руслан софия станислав степан тамара татьяна тимур федор юлия юрий яна ярослав іван олена наталія сергій володимир микола георги димитър мария стефан никола јован марко милан
γιωργοσ γεωργιοσ μαρια νικοσ νικολαοσ ελενη κωστασ κωνσταντινοσ αικατερινη κατερινα δημητρησ δημητριοσ ιωαννησ γιαννησ βασιλικη σοφια παναγιωτησ χρηστοσ αγγελικη γεωργια δημητρα ιωαννα παναγιωτα κυριακη αναστασια σταυρουλα βασιλησ αθανασιοσ ευαγγελια σπυροσ ανδρεασ αλεξανδροσ μιχαλησ θεοδωροσ
राजेश सुनीता अमित प्रिया विकास अंजलि संजय कविता कुमार शर्मा सिंह वर्मा गुप्ता यादव राम श्याम मोहन सुरेश रमेश महेश दिनेश मुकेश अनिल सुनील विजय अजय राहुल रोहित नेहा पूजा सीमा गीता रीता अनीता संगीता ममता रेखा मीना आशा उषा लक्ष्मी पार्वती देवी लाल प्रसाद मिश्रा तिवारी पांडे चौधरी पटेल जोशी मेहता रेड्डी नायर खान अहमद अली शेख ठाकुर दास चौहान राजपूत जैन अग्रवाल दीपक मनोज प्रकाश अर्जुन कृष्ण
محمد فاطمة أحمد احمد مريم علي خالد نورة يوسف حسن إبراهيم ابراهيم حسين عمر عثمان سعيد سعد صالح سالم عبد عبدالله عبدالرحمن عبدالعزيز الله الرحمن العزيز ناصر فهد سلطان بندر تركي ماجد سلمان فيصل عائشة خديجة زينب سارة نوف هند ليلى أمل منى سمير كريم طارق ياسر ياسين محمود مصطفى جمال كمال رامي وليد بلال حمزة حمد راشد جاسم هدى رنا دينا ياسمين لينا نادية سعاد أمينة العتيبي الشمري القحطاني الغامدي الزهراني الحربي الدوسري المطيري السيد الشيخ المصري
محمدی احمدی رضا مهدی حسینی زهرا فاطمه علیرضا علی حسین امیر امیرحسین محمدرضا محسن مجید سعید حمید بهرام بهروز داریوش فرهاد کامران کوروش نوید امید پرویز سیاوش شاهین نرگس نسرین شیرین پریسا لیلا مهسا نازنین رویا سحر سمانه ستاره یلدا مینا سارا کریمی رضایی مرادی جعفری رحیمی هاشمی ابراهیمی قاسمی صادقی اکبری نجفی موسوی محمودی حیدری کاظمی رستمی امینی عباسی خان حسن انصاری قریشی ملک بٹ چوہدری عائشہ فاطمہ خدیجہ زینب عبداللہ عثمان بلال
רחל דוד יוסף שרה משה יעקב מרים כהן לוי מזרחי פרץ יצחק אברהם חיים אסתר לאה רבקה רות חנה נועה תמר יעל מיכל שירה מאיה דנה ענת אורית גלית יוסי אבי איתן אריאל עומר נועם אלון גיא רון אורי ביטון דהן אוחיון חדד גבאי אזולאי אברהמי פרידמן כץ שפירא גולדברג רוזנברג ברקוביץ מלכה עמר יוספי
გიორგი ნინო დავით მარიამ ლევან თამარ ანა ირაკლი ნანა მანანა ეკატერინე ზურაბ ლუკა
հայկ անի արամ մարիամ տիգրան նարե դավիթ անահիտ լիլիթ արմեն գոհար`

//nolint:gochecknoglobals // made once of constant lists
var readOwn = sync.OnceValue(func() map[string]bool {
	own := make(map[string]bool)
	for word := range strings.FieldsSeq(ownNames) {
		own[word] = true
	}
	for word := range strings.FieldsSeq(japaneseFamilies) {
		own[word] = true
	}
	return own
})

// ownScript tells names in other scripts; 0 says that the letters are Latin.
func ownScript(s string) forms {
	first, _ := utf8.DecodeRuneInString(s)
	switch {
	case unicode.In(first, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return hanName(s)
	case unicode.Is(unicode.Hangul, first):
		return koreanName(s, first)
	case first < 0x250 || first >= 0x1e00 && first < 0x1f00:
		return 0
	case unicode.IsLetter(first):
		return spelledName(s)
	}
	return personNever
}

// koreanName looks at names of Korea: a family name of one syllable and mostly two
// behind it.
func koreanName(s string, first rune) forms {
	switch n := utf8.RuneCountInString(s); {
	case n == 3 && strings.ContainsRune(koreanFamilies, first):
		return personOwn
	case n <= 4:
		return personOne
	}
	return personNever
}

// hanName looks at names of China and Japan: a frequent family name and one or two
// characters behind it, or with a space between the two.
func hanName(s string) forms {
	s = strings.ReplaceAll(s, "\u3000", " ")
	for _, r := range s {
		if r != ' ' && r != '々' && !unicode.Is(unicode.Han, r) && !unicode.In(r, unicode.Hiragana, unicode.Katakana) {
			return personNever
		}
	}
	if family, given, ok := strings.Cut(s, " "); ok {
		n := utf8.RuneCountInString(given)
		switch {
		case n < 1 || n > 4 || strings.Contains(given, " "):
			return personNever
		case readOwn()[family]:
			return personOwn
		case utf8.RuneCountInString(family) <= 3 && n <= 3:
			return personWords
		}
		return personNever
	}
	n := utf8.RuneCountInString(s)
	first, _ := utf8.DecodeRuneInString(s)
	switch {
	case n >= 2 && n <= 3 && strings.ContainsRune(chineseFamilies, first):
		return personOwn
	case n >= 3 && n <= 5 && hasFamily(s):
		return personOwn
	case n <= 4:
		return personOne
	}
	return personNever
}

// hasFamily reports whether the text begins with a family name of Japan.
func hasFamily(s string) bool {
	const width = 3 // bytes of a character
	for _, n := range [...]int{3, 2} {
		if len(s) > n*width && readOwn()[s[:n*width]] {
			return true
		}
	}
	return false
}

// Endings of names: of fathers' names and families in Cyrillic, of families in Greek.
//
//nolint:gochecknoglobals // constant lists
var (
	fatherEndings = []string{"ович", "евич", "овна", "евна", "ична", "івна", "йович"}
	ownEndings    = []string{"ов", "ова", "ев", "ева", "ский", "ская", "цкий", "цкая", "енко", "чук", "юк", "ськии", "ська", "цькии", "цька", "ишин", "вич", "иќ", "ић", "ски", "ска", "швили", "дзе", "ян", "յան", "შვილი", "ძე", "ავა", "ური", "زاده", "پور", "نژاد", "یان", "ьев", "ьева", "ин", "ина", "οπουλοσ", "οπουλου", "ιδησ", "ακησ", "ιου", "αδησ", "ιδου", "ακη", "ελησ"}
)

// spelledName looks at names in scripts with letters, word by word.
func spelledName(s string) forms {
	known, ending, father, n := 0, 0, false, 0
	own := readOwn()
	for word := range strings.FieldsSeq(s) {
		n++
		word = strings.Trim(word, ",.")
		for _, r := range word {
			if !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '-' {
				return personNever
			}
		}
		key := plainWord(word)
		switch {
		case own[key]:
			known++
		case endsWith(key, fatherEndings):
			father = true
		case endsWith(key, ownEndings):
			ending++
		}
	}
	switch {
	case n > mostWords:
		return personNever
	case n == 1 && known > 0:
		return personOneGiven
	case n == 1 && ending > 0:
		return personOneFamily
	case n == 1:
		return personOne
	case father, known > 1, known > 0 && ending > 0:
		return personBoth
	case known > 0:
		return personGiven
	case ending > 0:
		return personFamily
	}
	return personWords
}

func endsWith(key string, endings []string) bool {
	for _, end := range endings {
		if strings.HasSuffix(key, end) && len(key) >= len(end)+6 {
			return true
		}
	}
	return false
}

// eastAsian reports whether the text has letters of China, Japan or Korea.
func eastAsian(s string) bool {
	for _, r := range s {
		if unicode.In(r, unicode.Han, unicode.Hangul) {
			return true
		}
	}
	return false
}
