package chaos

// Puts returns what looks at connections to the file server.
func Puts(h *History, bucket string, stored func(key string)) func() sniffer {
	return func() sniffer { return &puts{history: h, bucket: bucket, stored: stored} }
}
