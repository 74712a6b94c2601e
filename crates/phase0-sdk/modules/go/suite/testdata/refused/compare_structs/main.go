package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	database := open.PostgresSuite(context.Background())
	_ = database == database // refused: struct containing secrets.Text cannot be compared
}
