region              = "eu-central-1"
db_username         = "orders"
db_password         = "Wolken-kuckucks-heim8" «+»
db_password_length  = 24 «-»
master_user_secret_kms_key_id = "arn:aws:kms:eu-central-1:111122223333:key/⟦uuid⟧" «-»
datadog_api_key     = "⟦hex:32⟧" «+»
datadog_app_key     = "⟦hex:40⟧" «+»
cloudflare_api_token = "⟦b62:40⟧" «+»
cloudflare_zone_id  = "⟦hex:32⟧" «-»
ssh_public_key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI⟦b64:43⟧ ops" «-»
key_name            = "ops-2024" «-»
token_validity_units = { access_token = "minutes", refresh_token = "days" } «-»
secret_recovery_window = 7 «-»
enable_secret_rotation = true «-»
ami_id              = "ami-0⟦hex:16⟧" «-»
basic_auth = {
  username = "ops"
  password = "Sauerteig&Krume" «+»
}
tags = {
  Owner     = "team-orders"
  SecretsBy = "vault" «-»
}
