// Mailer sends the shop's mail. Here it only shows that it has what it connects with.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"acme.example/mailer/secrets"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	store, err := secrets.Open(ctx)
	if err != nil {
		return err
	}
	smtp := store.SMTPMailer(ctx)
	err = connect(ctx, "smtp", func(request *http.Request) {
		request.SetBasicAuth(smtp.Username.Expose(), smtp.Password.Expose())
	})
	if err != nil {
		return err
	}
	return connect(ctx, "sendgrid", func(request *http.Request) {
		request.Header.Set("Authorization", "Bearer "+store.SendgridMailer(ctx).Expose())
	})
}

// connect asks a datasource whether it lets us in.
func connect(ctx context.Context, datasource string, authorize func(*http.Request)) error {
	url := os.Getenv("BACKEND_URL") + "/" + datasource
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("mailer: BACKEND_URL: %w", err)
	}
	authorize(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("mailer: %s refused: %w", datasource, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("mailer: %s refused", datasource)
	}
	fmt.Printf("mailer: connected to %s\n", datasource)
	return nil
}
