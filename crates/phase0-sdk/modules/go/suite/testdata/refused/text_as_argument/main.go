package main

import (
	"context"
	"fmt"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	fmt.Println(len(open.StripeSuite(context.Background()))) // refused: for built-in len
}
