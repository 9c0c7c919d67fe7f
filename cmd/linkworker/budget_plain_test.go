//go:build !race

package main

var allocationBudget = budget{times: 260, bytes: 23 << 10}
