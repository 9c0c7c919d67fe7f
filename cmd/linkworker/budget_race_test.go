//go:build race

package main

var allocationBudget = budget{times: 296, bytes: 50 << 10}
