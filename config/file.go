package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/nats-io/nkeys"
)

// maxFile bounds files that are read: a secret, a URL, a credentials file or a
// bundle of certificates.
const maxFile = 4 << 20

// readFile reads a bounded file. Its errors name the path, once.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- who sets up the worker says where its files are
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", quote(path), bare(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("file %s: %w", quote(path), bare(err))
	case len(data) > maxFile:
		return nil, fmt.Errorf("file %s: over %d bytes", quote(path), maxFile)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("file %s: empty", quote(path))
	}
	return data, nil
}

// readValue reads a setting from its file, without trailing line breaks.
func readValue(path string) (string, error) {
	data, err := readFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// bare drops the operation and the path that os adds.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// file is the parser of a path: what it names must be there and, with check,
// make sense.
func file(to field[string], check func(data []byte) error) parser {
	return func(c *Config, raw string) error {
		data, err := readFile(raw)
		if err == nil && check != nil {
			err = check(data)
		}
		if err != nil {
			return fmt.Errorf("%w; set the path of a readable file", err)
		}
		*to(c) = raw
		return nil
	}
}

func checkCreds(data []byte) error {
	_, jwtErr := nkeys.ParseDecoratedJWT(data)
	_, seedErr := nkeys.ParseDecoratedUserNKey(data)
	if jwtErr != nil || seedErr != nil {
		return errors.New("the file holds no user JWT with its nkey seed")
	}
	return nil
}

func checkSeed(raw string) error {
	if _, err := nkeys.ParseDecoratedUserNKey([]byte(raw)); err != nil {
		return errors.New("is not the seed of a user nkey; a seed begins with SU")
	}
	return nil
}
