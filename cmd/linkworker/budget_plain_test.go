//go:build !race

package main

var allocationBudget = budget{times: 238, bytes: 22 << 10}
