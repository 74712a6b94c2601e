package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	open.PostgresSuite(context.Background()).Password = secrets.Text{} // refused: cannot assign to open.PostgresSuite(context.Background()).Password
}
