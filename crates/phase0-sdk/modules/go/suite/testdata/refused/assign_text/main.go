package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	database := open.PostgresSuite(context.Background())
	database.Password = "mine" // refused: cannot use "mine" (untyped string constant) as secrets.Text value in assignment
}
