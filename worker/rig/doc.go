// Package rig runs what a measurement or a trial of the worker needs: processes that never outlive the one that started
// them, and a NATS and a Redis server, its own or the user's.
//
//	program := rig.Program{Path: executable, Name: "linkworker"}
//	servers, err := rig.StartServers(ctx, program, rig.Options{})
//	err = servers.Prepare(ctx, settings)                      // refuses streams that hold anything
//	process, err := rig.Start("a worker", program.Part(ctx, "worker"), true)
//	…
//	err = errors.Join(process.Stop(), servers.Close())
package rig
