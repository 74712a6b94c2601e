//! Whose host an endpoint is.

/// The host of an endpoint URL, without port.
pub(crate) fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether an endpoint is on this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let host = host_of(url);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Hosts under which AWS itself answers, in every partition.
pub(crate) fn is_amazons(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu", ".csp.hci.ic.gov", ".c2s.ic.gov", ".sc2s.sgov.gov"]
        .iter()
        .any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart() {
        for (url, host) in [
            ("https://secretsmanager.eu-west-1.amazonaws.com/", "secretsmanager.eu-west-1.amazonaws.com"),
            ("http://127.0.0.1:5000", "127.0.0.1"),
            ("http://[::1]:5000/x", "::1"),
            ("http://localhost?x", "localhost"),
        ] {
            assert_eq!(host_of(url), host);
        }
        assert!(is_loopback("http://[::1]:1/") && is_loopback("http://localhost:1") && is_loopback("https://127.8.0.1"));
        assert!(!is_loopback("http://localhost.example") && !is_loopback("http://10.0.0.1"));
    }

    // A missing check of the policy may be passed over at a practice endpoint, never at AWS.
    #[test]
    fn amazons_own_endpoints_are_known_in_every_partition() {
        for host in [
            "secretsmanager.eu-west-1.amazonaws.com",
            "vpce-0a-b.secretsmanager.us-east-1.vpce.amazonaws.com",
            "secretsmanager.cn-north-1.amazonaws.com.cn",
            "secretsmanager.us-gov-west-1.amazonaws.com",
            "secretsmanager.eu-west-1.api.aws",
            "SecretsManager.eu-west-1.AMAZONAWS.com",
        ] {
            assert!(is_amazons(host), "{host}");
        }
        for host in ["127.0.0.1", "localhost", "amazonaws.com.example", "notamazonaws.com"] {
            assert!(!is_amazons(host), "{host}");
        }
    }
}
