package blob

// Layout makes files of one part of few bytes and then of parts of many, most
// in all.
func (c *Client) Layout(few, many int64, most int32) {
	c.layout = layout{few: few, many: many, firsts: 1, most: most}
}

// LongestFile returns how many bytes a file may have by default.
func LongestFile() int64 { return newLayout(0).bytes() }

// PlanJoin returns, for each part of a joined file, which file each of its
// bytes is of and where.
func PlanJoin(sizes []int64, least, most int64) [][][3]int64 {
	var out [][][3]int64
	for _, s := range planJoin(sizes, least, most) {
		var part [][3]int64
		for _, one := range s {
			part = append(part, [3]int64{int64(one.file), one.from, one.to})
		}
		out = append(out, part)
	}
	return out
}

// SignsBodies reports whether signatures for the service cover what is sent.
func SignsBodies(endpoint string) bool { return len(sending(endpoint)) == 0 }
