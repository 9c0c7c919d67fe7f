//go:build race

package main

var allocationBudget = budget{times: 276, bytes: 48 << 10}
