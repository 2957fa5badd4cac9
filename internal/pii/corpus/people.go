package corpus

import (
	"math/rand/v2"
	"strings"
)

// people are names of a language or a region: frequent and rare ones, as a register
// has them. The lists are made by hand and say nothing of who there is.
type people struct{ given, family []string }

func folk(given, family string) people {
	return people{strings.Split(given, ", "), strings.Split(family, ", ")}
}

func (p people) first(r *rand.Rand) string { return pick(r, p.given...) }

func (p people) last(r *rand.Rand) string { return pick(r, p.family...) }

// firsts, lasts and fulls make columns.
func (p people) firsts(r *rand.Rand, _ int) string { return p.first(r) }

func (p people) lasts(r *rand.Rand, _ int) string { return p.last(r) }

func (p people) fulls(r *rand.Rand, _ int) string { return p.first(r) + " " + p.last(r) }

// shouted are names as older programs write them.
func (p people) shouted(r *rand.Rand, _ int) string {
	return strings.ToUpper(p.last(r) + " " + p.first(r))
}

// sorted are names as registers sort them.
func (p people) sorted(r *rand.Rand, _ int) string { return p.last(r) + ", " + p.first(r) }

// Names in Latin letters.
func american() people {
	return folk("Michael, Jennifer, Tyler, Brittany, Dwayne, Latoya, Kaitlyn, Brandon, Marcus, Heather, Caleb, Destiny, Trent, Yolanda, Skyler, Paige",
		"Henderson, Ramirez, Boyd, Whitaker, O'Connell, Vaughn, Castaneda, Pruitt, Delgado, Hutchins, Mayfield, Osborne, Stokes, Kirkpatrick, Yoder, Bautista")
}

func british() people {
	return folk("Alistair, Gemma, Imogen, Callum, Niamh, Rhys, Poppy, Nigel, Zara, Harriet, Gareth, Bethan",
		"Hargreaves, Ashworth, Pritchard, MacDonald, Whittle, Bhatt, Fairbairn, Llewellyn, Oyelaran, Cartwright, Thwaites, Begum")
}

func german() people {
	return folk("Jürgen, Katrin, Thorsten, Anke, Lukas, Friederike, Uwe, Sabine, Finn, Leonie, Heinz, Annegret, Björn, Svenja",
		"Schäfer, Krüger, Hoffmann, Zimmermann, Vogt, Lindemann, Brandt, Oberländer, Kühn, Pfeiffer, Yılmaz, von Reden, Dreßler, Stahl")
}

func french() people {
	return folk("Thibault, Amélie, Jean-Luc, Sylvie, Mathis, Océane, Gaël, Bernadette, Yves, Manon, Anaïs, Loïc",
		"Lefèvre, Moreau, Garnier, Chevalier, Rousseau, Benali, Le Goff, Perrin, Delacroix, Fontaine, Marchand, Bourgeois")
}

func spanish() people {
	return folk("Guillermo, Rocío, Íñigo, Consuelo, Álvaro, Maite, Ximena, Joaquín, Lucía, Esperanza, Rubén, Noelia",
		"Fernández Ruiz, Navarro, Ortega, Iglesias, Cano Vidal, Peralta, Castro, Echeverría, Molina, de la Cruz, Quispe, Herrera")
}

func portuguese() people {
	return folk("Thiago, Beatriz, João Pedro, Conceição, Rafaela, Vasco, Luana, Edson, Matilde, Gonçalo, Jussara, Rui",
		"Pereira, dos Santos, Carvalho, Figueiredo, Nascimento, Teixeira, Moura, Araújo, Barbosa, Pinto, Cordeiro, Albuquerque")
}

func italian() people {
	return folk("Alessandro, Chiara, Gianluca, Federica, Pasquale, Ginevra, Salvatore, Ornella, Edoardo, Martina, Vito, Caterina",
		"Esposito, Bianchi, De Luca, Marchetti, Fabbri, Caruso, Pellegrini, Lo Presti, Mancini, Serra, Gatti, Zanetti")
}

func dutch() people {
	return folk("Sander, Femke, Joost, Anouk, Bram, Willemijn, Daan, Marijke, Thijs, Lotte",
		"de Vries, Bakker, van den Berg, Visser, Hoekstra, Mulder, Smit, Dijkstra, van Leeuwen, Postma")
}

func polish() people {
	return folk("Krzysztof, Małgorzata, Paweł, Katarzyna, Zbigniew, Kinga, Łukasz, Bożena, Wojciech, Zuzanna",
		"Nowak, Wiśniewska, Wójcik, Kamińska, Zieliński, Dąbrowski, Mazur, Krawczyk, Pawlak, Sikora")
}

func turkish() people {
	return folk("Mehmet, Ayşe, Emre, Zeynep, Hüseyin, Elif, Burak, Gülsüm, Serkan, Nurcan",
		"Yıldız, Demir, Kaya, Öztürk, Aydın, Şahin, Çelik, Koç, Aksoy, Güneş")
}

func nordic() people {
	return folk("Mikael, Elina, Torbjörn, Ingrid, Mads, Kirsten, Jukka, Päivi, Sverre, Solveig",
		"Lindqvist, Virtanen, Nielsen, Haugen, Bergström, Korhonen, Østergaard, Eklund, Hansen, Mäkinen")
}

func indian() people {
	return folk("Rajesh, Sunita, Arjun, Lakshmi, Venkatesh, Pooja, Gurpreet, Aishwarya, Mohammed, Deepika",
		"Sharma, Patel, Reddy, Iyer, Kaur, Banerjee, Khan, Mukherjee, Nair, Deshmukh")
}

func arab() people {
	return folk("Ahmed, Layla, Youssef, Khadija, Omar, Noor, Tariq, Salma",
		"Al-Masri, Haddad, Ben Youssef, El Amrani, Abdelrahman, Mansour, Khalil, Bouzid")
}

func african() people {
	return folk("Chinedu, Amara, Thabo, Wanjiru, Kofi, Ifeoma, Sipho, Abena",
		"Okonkwo, Dlamini, Mwangi, Mensah, Adeyemi, Ndlovu, Otieno, Boateng")
}

func eastAsian() people {
	return folk("Haruto, Sakura, Jiho, Minseo, Xiaoming, Meiling, Wei, Linh, Thanh",
		"Sato, Park, Zhang, Chen, Nguyen, Liu, Takahashi, Tran, Choi")
}

// everybody are the names of an international register.
func everybody() people {
	var all people
	for _, p := range []people{american(), british(), german(), french(), spanish(), portuguese(), italian(), dutch(), polish(), turkish(), nordic(), indian(), arab(), african(), eastAsian()} {
		all.given, all.family = append(all.given, p.given...), append(all.family, p.family...)
	}
	return all
}

// Names in other scripts.
func russian() people {
	return folk("Иван, Ольга, Дмитрий, Екатерина, Сергей, Анастасия, Николай, Светлана",
		"Иванов, Смирнова, Кузнецов, Попова, Соколов, Лебедева, Козлов, Морозова")
}

func greek() people {
	return folk("Γιώργος, Μαρία, Νίκος, Ελένη, Κώστας, Αικατερίνη", "Παπαδόπουλος, Γεωργίου, Νικολάου, Οικονόμου, Βασιλείου")
}

func hindi() people {
	return folk("राजेश, सुनीता, अमित, प्रिया, विकास, अंजलि, संजय, कविता", "कुमार, शर्मा, सिंह, वर्मा, गुप्ता, यादव")
}

func arabic() people {
	return folk("محمد, فاطمة, أحمد, مريم, علي, خالد, نورة, يوسف", "العتيبي, الشمري, حسن, إبراهيم, القحطاني, عبد الله")
}

func chinese() []string {
	return strings.Fields("王伟 李娜 张敏 刘洋 陈静 杨帆 赵丽华 黄志强 周杰 吴秀英 徐磊 孙悦 马超 朱婷 胡军")
}

func japanese() []string {
	return strings.Split("山本 大輔,中村 さくら,小林 翔太,加藤 由美,吉田 健太,山田 太郎,佐々木 愛,松本 翼,井上 真理,木村 拓哉", ",")
}

func korean() []string {
	return strings.Fields("김민준 이서연 박지훈 최수빈 정하은 강도윤 조예준 윤지우 장민서 임서준")
}
