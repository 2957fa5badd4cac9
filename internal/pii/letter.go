package pii

import "unicode"

// foldings are letters of the Latin alphabet with what is left of them without
// accents, in pairs of equal length, and letters of other scripts in two forms.
const (
	accented = "áàâãäåāăąảạấầẩẫậắằẳẵặéèêëēĕėęěẻẽẹếềểễệíìîïĩīĭįıỉịóòôõöøōŏőỏọốồổỗộơớờởỡợúùûüũūŭůűųủụưứừửữựýÿŷỳỷỹỵñńņňçćĉċčďđðĝğġģĥħĵķĺļľłŀŕŗřśŝşšșţťțŵźżžßþάέήίόύώϊϋς"
	bare     = "aaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeeiiiiiiiiiiioooooooooooooooooooooouuuuuuuuuuuuuuuuuuyyyyyyynnnncccccdddgggghhjklllllrrrssssstttwzzzstαεηιουωιυσ"
)

//nolint:gochecknoglobals // made once of constant lists
var foldings = func() map[rune]rune {
	m := make(map[rune]rune)
	to := []rune(bare)
	for i, r := range []rune(accented) {
		m[r] = to[i]
		if up := unicode.ToUpper(r); up != r {
			m[up] = unicode.ToUpper(to[i])
		}
	}
	m['İ'] = 'I'
	return m
}()

// fold takes the accent off a letter.
func fold(r rune) rune {
	if r < 0x80 {
		return r
	}
	if to, ok := foldings[r]; ok {
		return to
	}
	return r
}
