package blob

// Layout makes files of one part of few bytes and then of parts of many, most
// in all.
func (c *Client) Layout(few, many int64, most int32) {
	c.layout = layout{few: few, many: many, firsts: 1, most: most}
}

// LongestFile returns how many bytes a file may have by default.
func LongestFile() int64 { return newLayout(0).bytes() }
