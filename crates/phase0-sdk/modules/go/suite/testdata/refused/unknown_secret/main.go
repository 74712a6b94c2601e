package main

import (
	"context"

	"example.org/suite/secrets"
)

func main() {
	open, _ := secrets.Open(context.Background())
	open.PostgresOrders(context.Background()) // refused: has no field or method PostgresOrders
}
