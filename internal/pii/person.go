package pii

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Frequent given names of several languages, without accents. They are assembled
// by hand; those of English are among the most frequent of the census of the United
// States of 1990, a work of its government. Names that are words of another meaning
// more often than not are left out.
const givenNames = `james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony donald mark paul steven andrew kenneth
joshua kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory
frank alexander raymond patrick jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter kyle walter ethan jeremy harold keith christian roger
noah gerald carl terry sean austin arthur lawrence jesse dylan bryan joe jordan billy bruce albert willie gabriel logan alan juan wayne roy ralph randy eugene
vincent russell elijah louis bobby philip johnny mary patricia jennifer linda elizabeth barbara susan jessica sarah karen nancy lisa betty margaret sandra ashley
kimberly emily donna michelle carol amanda dorothy melissa deborah stephanie rebecca sharon laura cynthia kathleen amy shirley angela helen anna brenda pamela
nicole emma samantha katherine christine debra rachel catherine carolyn janet ruth maria heather diane virginia julie joyce victoria olivia kelly christina lauren
joan evelyn judith megan cheryl andrea hannah martha jacqueline frances gloria ann teresa kathryn sara janice jean alice madison doris abigail julia judy grace
denise amber marilyn beverly danielle theresa sophia marie diana brittany natalie isabella charlotte rose alexis kayla liam mason lucas oliver aiden ava mia
harper ella chloe zoe lily ada alan grace edsger barbara anita radia
hans peter wolfgang klaus jurgen dieter manfred uwe gunter horst bernd frank thomas stefan andreas michael matthias markus jorg sven jan lukas leon finn jonas felix
paul maximilian moritz niklas tobias florian sebastian ursula monika petra elke sabine renate helga karin brigitte ingrid erika gisela claudia susanne heike anke
katrin silke nadine birgit anja lena lea hanna johanna greta frieda mila emilia heinrich friedrich karl otto jens torsten ralf volker holger
jean pierre michel andre philippe rene louis alain jacques bernard marcel daniel roger robert claude henri nicolas francois laurent christophe julien guillaume
mathieu antoine thierry pascal olivier stephane sylvie isabelle nathalie monique francoise catherine veronique chantal celine camille manon lucie aurelie sandrine
valerie helene brigitte amelie juliette elodie
antonio jose manuel francisco juan david javier carlos miguel angel alejandro rafael fernando luis sergio pablo jorge alberto diego raul enrique ramon andres
carmen maria josefa isabel dolores pilar teresa ana francisca laura cristina marta lucia elena paula raquel rosario beatriz silvia guadalupe alejandra ximena
valentina camila mateo santiago joaquin esteban ignacio gonzalo rodrigo hector oscar ricardo eduardo
giuseppe giovanni mario luigi francesco angelo vincenzo pietro salvatore carlo franco domenico bruno paolo michele giorgio aldo sergio luciano marco alessandro
matteo lorenzo luca davide simone riccardo stefano giulia chiara francesca federica sara martina valentina alessia elisa giorgia sofia aurora paola roberta
joao pedro paulo lucas gustavo felipe rafael bruno thiago leonardo marcelo fernanda juliana mariana amanda larissa leticia adriana patricia aline beatriz gabriela
joana ines catarina tiago goncalo
pieter jan willem hendrik johannes cornelis dirk gerrit daan sem bram lars ruben thijs anouk sanne femke lotte fleur maartje
erik lars anders johan per nils karl mikael gustav oskar axel bjorn magnus henrik olof ingrid astrid karin birgitta elin linnea freja sigrid solveig kari
piotr krzysztof andrzej tomasz pawel marcin michal jan grzegorz jerzy adam agnieszka katarzyna malgorzata magdalena ewa joanna barbara zofia
ivan dmitri sergei alexei nikolai vladimir mikhail andrei olga natalia tatiana svetlana irina anastasia ekaterina yulia
mohammed muhammad ahmed ali omar hassan hussein ibrahim youssef khalid mustafa abdullah fatima aisha zainab maryam layla noor amina hana
raj amit rahul sanjay vijay rajesh suresh ravi arjun rohan vikram anil priya anjali neha pooja kavita sunita deepa lakshmi aditya ananya ishaan divya meera
wei jing ming hui yan xin hao jun mei ling chen yuki hiroshi kenji takashi haruto sakura akiko yoko naoko minjun jiwoo seoyeon hyun
mehmet mustafa ahmet emre fatma ayse zeynep elif hatice murat kemal
kwame kofi ama akua chidi ngozi amara emeka tunde folake thabo sipho nomvula wanjiru kamau`

// Frequent family names, likewise.
const familyNames = `smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor moore jackson martin
lee perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall
rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez
ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez
castillo sanders patel myers long ross foster jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons
romero jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar stevens murray
ford castro marshall owens harrison fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker guzman burns crawford olson simpson
porter hunter gordon mendez silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black robertson boyd stone salazar fox warren mills meyer rice
schmidt garza daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn kelley spencer hawkins lovelace hopper turing dijkstra liskov lovell
muller schneider fischer weber schulz becker hoffmann schafer koch bauer richter klein wolf schroder neumann schwarz zimmermann braun kruger hofmann hartmann
lange werner krause meier lehmann schmid schulze maier kohler herrmann konig walter mayer huber kaiser fuchs peters lang scholz moller weiss jung hahn vogel
schubert roth beck lorenz bergmann dubois durand leroy moreau laurent simon michel lefebvre leroux david bertrand roux vincent fournier morel girard andre lefevre
mercier dupont lambert bonnet francois martinez legrand garnier faure rousseau blanc guerin boyer chevalier rossi russo ferrari esposito bianchi romano colombo
ricci marino greco bruno gallo conti deluca mancini costa giordano rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso
santos oliveira souza rodrigues ferreira alves pereira lima gomes ribeiro carvalho almeida lopes soares fernandes vieira barbosa rocha dias nascimento
dejong jansen devries bakker visser smit meijer mulder bos vos peters hendriks
johansson andersson karlsson nilsson eriksson larsson olsson persson svensson gustafsson hansen johansen olsen larsen andersen pedersen nielsen jensen christensen
nowak kowalski wisniewski wojcik kowalczyk kaminski lewandowski zielinski szymanski wozniak ivanov smirnov kuznetsov popov sokolov petrov novikov
khan ahmed hussain ali malik shah iqbal rahman hassan kumar singh sharma verma gupta reddy rao iyer nair mehta joshi desai banerjee mukherjee das
wang li zhang liu yang huang zhao wu zhou xu sun zhu gao lin park choi jung kang cho yoon tanaka suzuki sato takahashi watanabe ito yamamoto nakamura kobayashi
yilmaz kaya demir celik sahin okafor adeyemi mensah owusu nkosi dlamini mwangi otieno odhiambo`

//nolint:gochecknoglobals // made once of constant lists
var readPeople = sync.OnceValue(func() map[string]uint8 {
	people := make(map[string]uint8)
	for mark, list := range map[uint8]string{givenName: givenNames, familyName: familyNames} {
		for name := range strings.FieldsSeq(list) {
			people[name] |= mark
		}
	}
	return people
})

const (
	givenName  = 1
	familyName = 2
)

// notPeople are words that no name has, and names have that are none.
//
//nolint:gochecknoglobals // a constant list
var notPeople = []string{
	"inc", "llc", "ltd", "gmbh", "ag", "corp", "co", "company", "group", "store", "shop", "street", "road", "ave", "city", "park", "hotel", "school", "university",
	"college", "hospital", "bank", "church", "center", "centre", "station", "airport", "county", "lake", "river", "island", "north", "south", "east", "west", "new", "the",
	"and", "of", "for", "with", "san", "santa", "saint", "st", "fort", "port", "mount",
}

const (
	longestName = 60
	mostWords   = 5
)

// wordForms looks at letters without digits.
func wordForms(s string, h shape) (f forms) {
	if h.lower == 0 && h.spaces == 0 && (len(s) == 8 || len(s) == 11) && swift([]byte(s)) {
		f |= swiftForm
	}
	if h.spaces > 0 {
		f |= addressForms(s)
	}
	if len(s) > longestName || h.colons+h.slashes+h.at > 0 || h.spaces > mostWords {
		return f
	}
	if before, _, ok := strings.Cut(s, " ("); ok {
		s = before // another name in brackets
	}
	return f | personForms(s, h)
}

// personForms tells whether words are a name of a person.
func personForms(s string, h shape) forms {
	var words [mostWords + 3]string
	n, turned := 0, false
	for word := range strings.FieldsSeq(s) {
		if n == len(words) {
			return 0
		}
		word, last := strings.CutSuffix(word, ",")
		if last {
			if turned || n > 1 {
				return 0
			}
			turned = true // Family, Given
		}
		words[n] = strings.TrimSuffix(word, ".")
		n++
	}
	for i := 0; i < n && n > 1; i++ {
		if title(words[i]) {
			copy(words[i:], words[i+1:n])
			n--
			break
		}
	}
	people := readPeople()
	given, family, capital := 0, 0, 0
	for i, word := range words[:n] {
		first, size := utf8.DecodeRuneInString(word)
		if size == 0 || !wordOfName(word) {
			return 0
		}
		key := plainWord(word)
		if slices.Contains(notPeople, key) {
			return 0
		}
		mark := people[key]
		if mark == 0 {
			if a, b, ok := strings.Cut(key, "-"); ok {
				mark = people[a] & people[b]
			}
		}
		if mark&givenName != 0 && (i < n-1 || n == 1 || turned) {
			given++
		}
		if mark&familyName != 0 && (i > 0 || n == 1 || turned) {
			family++
		}
		if unicode.IsUpper(first) {
			capital++
		}
	}
	f := forms(0)
	switch {
	case n == 1 && given+family > 0:
		f |= personWord
	case n >= 2 && n <= 4 && given > 0 && (family > 0 || capital == n):
		f |= personFull
	}
	if (capital > 0 || h.high > 0 && h.lower == 0) && n <= 4 {
		f |= personShape
	}
	return f
}

// wordOfName reports whether the word has letters, and signs that names have.
func wordOfName(word string) bool {
	for _, r := range word {
		if !unicode.IsLetter(r) && r != '\'' && r != '-' && r != '’' && r != '.' {
			return false
		}
	}
	return true
}

// plainWord returns the word in small letters without accents.
func plainWord(word string) string {
	plain := true
	for i := range len(word) {
		if c := word[i]; !isLower(c) && c != '-' {
			plain = false
			break
		}
	}
	if plain {
		return word
	}
	var b strings.Builder
	for _, r := range word {
		if r != '\'' && r != '’' && r != '.' {
			b.WriteRune(unicode.ToLower(fold(r)))
		}
	}
	return b.String()
}

// title reports whether the word is how people are addressed.
func title(word string) bool {
	switch word {
	case "Mr", "Mrs", "Ms", "Miss", "Dr", "Prof", "Sir", "Herr", "Frau", "Mme", "M", "Sr", "Sra", "Sig", "Dott":
		return true
	}
	return false
}
