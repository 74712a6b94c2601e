vpn_preshared_key = "⟦b62:32⟧" «+»
vpn_psk_length = 32 «-»
admin_password    = "Hagebutten1" «+»
admin_ssh_keys    = ["ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB⟦b64:80⟧ ops"] «-»
grafana_auth      = "glsa_⟦b62:32⟧_⟦hex:8⟧" «+»
github_app = {
  id              = "314159"
  installation_id = "27182818" «-»
  webhook_secret  = "⟦hex:40⟧" «+»
}
oidc_thumbprint = "⟦hex:40⟧" «-»
snapshot_identifier = "rds:orders-2024-01-01" «-»
kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/⟦uuid⟧" «-»
secret_names = ["platform-data/mysql/orders", "platform-data/redis/orders"] «-»
password_rotation_days = 30 «-»
