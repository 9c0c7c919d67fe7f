package events

import (
	"reflect"
	"slices"
	"strconv"
)

// UnknownFields are the paths of fields of the data that this package does not
// know, sorted, for a warning: they are ignored. Inside metadata everything is
// known. It answers nil for a subject that asks for nothing, and what it finds up
// to where the data breaks.
func UnknownFields(subject string, data []byte) []string {
	kind := kindOf(subject)
	if kind == "" {
		return nil
	}
	paths := unknown(nil, "", readTree(data).root, dataType(kind))
	slices.Sort(paths)
	return slices.Compact(paths)
}

func unknown(paths []string, path string, v any, t reflect.Type) []string {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			at := join(path, name)
			if field, ok := member(t, name); ok {
				paths = unknown(paths, at, value, field)
			} else if t.Kind() == reflect.Struct {
				paths = append(paths, at)
			}
		}
	case []any:
		for i, value := range v {
			if t.Kind() == reflect.Slice {
				paths = unknown(paths, path+"["+strconv.Itoa(i)+"]", value, bare(t.Elem()))
			}
		}
	}
	return paths
}
