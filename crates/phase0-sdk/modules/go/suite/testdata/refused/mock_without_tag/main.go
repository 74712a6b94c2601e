package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	_, _ = secrets.OpenMock(context.Background(), "") // refused: undefined: secrets.OpenMock
	_ = open
}
