//go:build race

package main

var allocationBudget = budget{times: 375, bytes: 57 << 10}
