package main

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/linkworker/linkworker/config"
	"github.com/linkworker/linkworker/worker/rig"
)

// checkGiven keeps commands that empty streams from servers that were named by mistake.
func checkGiven(cmd *cobra.Command, given bool) error {
	for _, name := range []string{"nats-url", "redis-url"} {
		if !given && cmd.Flags().Changed(name) {
			return usagef("--%s needs --given, since the streams there are emptied", name)
		}
	}
	return nil
}

// givenServers connects to the servers that the user gives.
func (a *app) givenServers(cmd *cobra.Command, cfg *config.Config, more ...nats.Option) (*rig.Servers, error) {
	nc, _, err := connectNATS(cfg, more...)
	if err != nil {
		return nil, err
	}
	rdb, err := openGivenRedis(cmd.Context(), cfg)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &rig.Servers{
		NATS: nc, Redis: rdb, Environ: a.handedOn(cmd, config.GroupNATS, config.GroupRedis),
		Kind: rig.Kind{NATS: "given, " + nc.ConnectedServerVersion(), Redis: "given"},
	}, nil
}

func openGivenRedis(ctx context.Context, cfg *config.Config) (redis.UniversalClient, error) {
	options, err := cfg.RedisOptions()
	if err != nil {
		return nil, err
	}
	rdb := redis.NewUniversalClient(options)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(redisError(cfg, err), rdb.Close())
	}
	return rdb, nil
}

// handedOn are the settings of these groups as the user has made them, for processes that are to have the same: in the
// environment, where nobody else sees what is secret in them.
func (a *app) handedOn(cmd *cobra.Command, groups ...config.Group) (environ []string) {
	for _, setting := range config.Settings() {
		if !slices.Contains(groups, setting.Group) {
			continue
		}
		if flag := cmd.Flags().Lookup(setting.Flag); setting.Flag != "" && flag != nil && flag.Changed {
			environ = append(environ, setting.Name+"="+flag.Value.String())
			continue
		}
		for _, name := range []string{setting.Name, setting.File()} {
			if value, set := a.lookup(name); set && name != "" {
				environ = append(environ, name+"="+value)
			}
		}
	}
	return environ
}
