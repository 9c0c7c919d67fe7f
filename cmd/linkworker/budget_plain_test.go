//go:build !race

package main

var allocationBudget = budget{times: 330, bytes: 30 << 10}
