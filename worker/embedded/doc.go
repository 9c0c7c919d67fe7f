// Package embedded runs what the worker stands on inside this process: a NATS
// server with JetStream and a Redis server. They need no Docker, no
// configuration and no fixed port, so the demo, measurements and tests run
// anywhere.
//
//	nats, err := embedded.StartNATS(embedded.NATSOptions{})
//	if err != nil {
//		return err
//	}
//	defer nats.Close()
//
//	redis, err := embedded.StartRedis(embedded.RedisOptions{})
//	if err != nil {
//		return err
//	}
//	defer redis.Close()
//
//	worker.Run(ctx, nats.URL(), redis.URL()) // any client: both listen on 127.0.0.1
//
// Stop and Restart show what an outage does: a server comes back at its address
// with its data. All methods may be called from several goroutines.
//
// [NATS] is the real server (https://github.com/nats-io/nats-server). [Redis] is
// https://github.com/alicebob/miniredis: the commands and the Lua of Redis, but
// held in memory, with one database lock, and without INFO sections, CONFIG and
// eviction. What it measures says nothing about Redis itself.
package embedded
