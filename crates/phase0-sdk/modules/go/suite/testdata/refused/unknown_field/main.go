package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	_ = open.PostgresSuite(context.Background()).Hostname // refused: has no field or method Hostname
}
