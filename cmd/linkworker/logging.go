package main

import (
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"github.com/linkworker/linkworker/config"
)

// newLogger makes the log of long-running commands, on standard error: coloured
// lines on a terminal and JSON elsewhere, unless LOG_FORMAT says which.
// NO_COLOR (https://no-color.org) takes the colours away.
func (a *app) newLogger(cfg *config.Config) *slog.Logger {
	format := cfg.LogFormat
	terminal := isTerminal(a.stderr)
	if format == config.LogAuto {
		format = config.LogJSON
		if terminal {
			format = config.LogTint
		}
	}
	if format == config.LogTint {
		noColor, _ := a.lookup("NO_COLOR")
		return slog.New(tint.NewTextHandler(a.stderr, &tint.Options{Level: cfg.LogLevel, NoColor: !terminal || noColor != ""}))
	}
	return slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: cfg.LogLevel}))
}

// isTerminal reports whether stream is a person's terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
