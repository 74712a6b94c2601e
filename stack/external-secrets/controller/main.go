// The controller of External Secrets Operator, as its own command starts it; for tests, which build it from the module proxy.
package main

import "github.com/external-secrets/external-secrets/cmd/controller"

func main() {
	controller.Execute()
}
