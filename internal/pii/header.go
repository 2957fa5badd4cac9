package pii

import (
	"strings"
	"sync"
	"unicode"
)

// hint is what the name of a column says.
type hint struct {
	strength float64 // how sure it is without a look at the values
	words    string
}

// How sure a name is by itself.
const (
	strongName = 0.6
	likelyName = 0.5 // of people: a word for one beside one for a name
	weakName   = 0.3
	anyName    = 0.2 // a word for a name, of whatever
)

// contradictions are words beside which a kind is not meant: the name of a file is
// no person's, the address of a memory no house's.
//
//nolint:gochecknoglobals // a constant table
var contradictions = map[Kind]string{
	PersonName:       "status,id,count,number,code,rate,score,type,format,phone,mail,address,age,gender,segment,date,value,satisfaction,since,lifetime,visits,reviews,rating,length,flag,verified,known,level,tier,tenure,spend,share,index,hash,key,url,language,timezone,size,birthday,license",
	Address:          "score,email,ip,mac,web,url,wallet,bitcoin,memory,mail,ipv4,ipv6,hardware,type,count,id",
	Phone:            "model,brand,type,os,count,plan,service,lines,make,calls,minutes,usage,version,app,screen",
	Email:            "count,opens,clicks,sent,campaign,subject,template,type,opt,status,verified,domain,delivered,frequency",
	CreditCard:       "type,limit,score,count,brand,network,holder,cardholder,name,color,colour,usage,balance,status,present",
	IPAddress:        "count,owner",
	APIKey:           "object,s3,partition,cache,surrogate,business,natural,row,column,count,type,length,attempts,resets,reset,status,changes,changed,primary,foreign,public,sort,ratio,name,words,date",
	MedicalID:        "first,last,dob,date,birth,birthday,phone,address,gender,count,rate,type,plan,cost,coverage,premium,count,status,expenses,provider,name,age",
	FinancialAccount: "name,manager,owner,executive,holder,email,created,opened,date,id,type,count,balance,status,age",
	DateOfBirth:      "weight,rate,place,order,country,city,name,year,count,length",
	NationalID:       "type,count,status,expiry,country",
}

// headers is the table of phrases, ready to be looked up.
type headers struct {
	phrases map[string][]headerKind
	against map[Kind]map[string]bool
}

type headerKind struct {
	kind     Kind
	strength float64
}

//nolint:gochecknoglobals // made once of constant tables
var readHeaders = sync.OnceValue(func() *headers {
	h := &headers{phrases: make(map[string][]headerKind), against: make(map[Kind]map[string]bool)}
	for label, list := range labelled(phraseList) {
		kind, weak := strings.CutSuffix(label, "?")
		strength := strongName
		if weak {
			strength = weakName
		}
		for phrase := range strings.SplitSeq(list, ",") {
			h.phrases[phrase] = append(h.phrases[phrase], headerKind{Kind(kind), strength})
		}
	}
	for kind, list := range contradictions {
		h.against[kind] = make(map[string]bool)
		for word := range strings.SplitSeq(list, ",") {
			h.against[kind][word] = true
		}
	}
	return h
})

const maxPhrase = 4 // words

// readName returns what the name of a column says, by kind.
func readName(name string) map[Kind]hint {
	words := splitName(name)
	h := readHeaders()
	found := make(map[Kind]hint)
	find := func(words, shown []string) {
		for i := range words {
			for n := 1; n <= maxPhrase && i+n <= len(words); n++ {
				for _, k := range h.phrases[strings.Join(words[i:i+n], " ")] {
					if k.strength > found[k.kind].strength && !contradicted(h.against[k.kind], words, i, n) {
						found[k.kind] = hint{k.strength, strings.Join(shown[i:i+n], " ")}
					}
				}
			}
		}
	}
	find(words, words)
	var all []meaning
	var concepts, shown []string
	for _, w := range words {
		for _, m := range means(w) {
			if m.filler {
				continue
			}
			all, concepts, shown = append(all, m), append(concepts, m.concept), append(shown, w)
		}
	}
	find(concepts, shown)
	if p := personHint(all, shown, found[PersonName], contradicted(h.against[PersonName], concepts, 0, 0)); p != (hint{}) {
		found[PersonName] = p
	} else {
		delete(found, PersonName)
	}
	return found
}

// otherThing is the strength of a name that says that something else than people is
// named.
const otherThing = -1

// personHint returns what the meanings say about names of people; phrase is what a
// whole phrase says. A word for a part of a name says it, as a word for a person does
// beside one for a name. A word for a person or for a name alone only may. A word for
// a thing takes it back.
func personHint(all []meaning, shown []string, phrase hint, denied bool) hint {
	best := phrase
	specific, named, thing := phrase.strength > 0, false, false
	note := func(strength float64, at int) {
		if strength > best.strength {
			best = hint{strength, shown[at]}
		}
	}
	for _, m := range all {
		named = named || m.concept == "name"
	}
	for i, m := range all {
		switch m.concept {
		case "givenname", "familyname", "fullname":
			specific = true
			note(strongName, i)
			continue
		case "name":
			note(anyName, i)
		}
		thing = thing || m.thing && !m.role
		if m.role {
			specific = true
			note(weakName, i)
			if named {
				note(likelyName, i)
			}
		}
	}
	switch {
	case denied && phrase.strength < strongName:
		return hint{}
	case thing && !specific:
		return hint{strength: otherThing}
	case thing && best.strength >= likelyName && phrase.strength < strongName:
		best.strength = weakName
	}
	return best
}

// contradicted reports whether a word beside the phrase says that something else
// is meant.
func contradicted(against map[string]bool, words []string, from, n int) bool {
	for i, w := range words {
		if (i < from || i >= from+n) && against[w] {
			return true
		}
	}
	return false
}

// splitName cuts a name into words in lower case: at what is no letter and no
// digit, between small and capital letters, and between letters and digits.
func splitName(name string) []string {
	const longest = 200
	if len(name) > longest {
		name = name[:longest]
	}
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		letter, digit := unicode.IsLetter(r) || unicode.IsMark(r), unicode.IsDigit(r)
		if !letter && !digit {
			end()
			continue
		}
		if len(word) > 0 {
			last := word[len(word)-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			switch {
			case unicode.IsDigit(last) != digit && string(word) != "ipv":
				end()
			case unicode.IsLower(last) && unicode.IsUpper(r), unicode.IsUpper(last) && unicode.IsUpper(r) && next:
				end()
			}
		}
		word = append(word, fold(r))
	}
	end()
	return words
}
