package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	_ = open.StripeSuite(context.Background()) == secrets.Text{} // refused: struct containing func() string cannot be compared
}
