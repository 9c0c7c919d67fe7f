package topology

import "strings"

// carries says that one of the subjects or patterns of a stream takes subject,
// https://docs.nats.io/nats-concepts/subjects#wildcards
func carries(patterns []string, subject string) bool {
	for _, pattern := range patterns {
		if matches(pattern, subject) {
			return true
		}
	}
	return false
}

func matches(pattern, subject string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range want {
		switch {
		case token == ">":
			return len(have) > i
		case i >= len(have), token != "*" && token != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
