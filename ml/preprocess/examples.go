package preprocess

// The tables of the examples.

func people() []Column {
	return []Column{
		{Name: "name", Type: "string", Values: []any{"Ann", "Bob", "Cid", "Ann", "Dot", "Eve", "Fay", "Gil"}},
		{Name: "city", Type: "string", Values: []any{"Oslo", "Rome", "Oslo", "Oslo", "Kyiv", nil, "Rome", "Oslo"}},
		{Name: "age", Type: "integer", Values: []any{34, 51, nil, 34, 17, 70, 42, nil}},
		{Name: "income", Type: "float", Values: []any{42_000.5, 39_000, 47_250, 42_000.5, nil, 21_000, 950_000, 40_000}},
		{Name: "note", Type: "string", Values: []any{nil, nil, "new", nil, nil, nil, nil, nil}},
	}
}

func messy() []Column {
	return []Column{
		{Name: "name", Type: "string", Values: []any{"  ann  o'neil ", "BOB-LEE", "cid*", "   ", nil}},
		{Name: "email", Type: "string", Values: []any{" Ann@Example.ORG", "bob@example.com", "nowhere", nil, "eve@mail.example.com"}},
		{Name: "phone", Type: "string", Values: []any{"030 / 123456", "+49 (0)30 123457", "0047 22 12 34 56", "call me", nil}},
		{Name: "price", Type: "string", Values: []any{"$1,234.50", "1.234,50 €", "12 %", "free", nil}},
		{Name: "member", Type: "string", Values: []any{"yes", "no", "Y", "maybe", nil}},
	}
}

func members() []Column {
	return []Column{
		{Name: "plan", Type: "string", Values: []any{"pro", "free", "basic", "gold", nil}},
		{Name: "joined", Type: "datetime", Values: []any{"2020-02-29", "2023-12-31T18:30:00Z", "2024-07-01", nil, "1999-01-01"}},
	}
}
