package main

import (
	"context"
	"os"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	_ = os.WriteFile("keystore.p12", open.TLSSuite(context.Background()), 0o600) // refused: as []byte value in argument to os.WriteFile
}
