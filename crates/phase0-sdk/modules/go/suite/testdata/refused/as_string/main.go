package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	var password string = open.PostgresSuite(context.Background()).Password // refused: as string value in variable declaration
	_ = password
}
