package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	_ = secrets.Text("mine") // refused: cannot convert "mine" (untyped string constant) to type secrets.Text
	_ = open
}
