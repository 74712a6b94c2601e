//! Paths of policies as patterns: `+` stands for one part, `*` at the end for any rest.

/// Whether some path fits both patterns.
pub(super) fn meet(one: &str, other: &str) -> bool {
    let split = |pattern: &str| {
        let (pattern, is_open) = pattern.strip_suffix('*').map_or((pattern, false), |rest| (rest, true));
        (pattern.split('/').map(str::to_owned).collect::<Vec<_>>(), is_open)
    };
    // A template is filled with what nobody knows here.
    let is_any = |part: &str| part == "+" || part.contains("{{");
    let ((one, one_is_open), (other, other_is_open)) = (split(one), split(other));
    for at in 0.. {
        let (Some(a), Some(b)) = (one.get(at), other.get(at)) else { return one.len() == other.len() };
        let (a_ends, b_ends) = (one_is_open && at + 1 == one.len(), other_is_open && at + 1 == other.len());
        let fits = match (a_ends, b_ends) {
            (true, true) => return is_any(a) || is_any(b) || a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
            (true, false) => return is_any(a) || is_any(b) || b.starts_with(a.as_str()),
            (false, true) => return is_any(a) || is_any(b) || a.starts_with(b.as_str()),
            (false, false) => is_any(a) || is_any(b) || a == b,
        };
        if !fits {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_a_path_fits_both() {
        for (one, other, expected) in [
            ("secret/*", "secret/+/platform-data/*", true),
            ("*", "secret/+/platform-data/*", true),
            ("secret/data/platform-data/postgres/orders", "secret/+/platform-data/*", true),
            ("secret/data/+/postgres/*", "secret/+/platform-data/*", true),
            ("secret/data/plat*", "secret/+/platform-data/*", true),
            ("secret/data/{{identity.entity.name}}/x", "secret/+/platform-data/*", true),
            ("secret/data/platform-dat", "secret/+/platform-data/*", false),
            ("secret/data/other/*", "secret/+/platform-data/*", false),
            ("other/*", "secret/+/platform-data/*", false),
            ("secret/data", "secret/+/platform-data/*", false),
            ("sys/policies/acl/*", "secret/+/platform-data/*", false),
            ("secret/data/migrate/anchor", "secret/+/migrate/anchor", true),
            ("secret/data/migrate", "secret/+/migrate/anchor", false),
        ] {
            assert_eq!((meet(one, other), meet(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
