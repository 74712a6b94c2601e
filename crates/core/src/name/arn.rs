//! ARNs of secrets: `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX`.

use super::{SecretArn, SecretName};

/// The parts of a secret's ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnParts {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Region.
    pub region: String,
    /// Account id, 12 digits.
    pub account: String,
    /// The secret's name, without the suffix.
    pub name: SecretName,
    /// The six random characters that tell a secret from a later one of the same name.
    pub suffix: String,
}

/// Why a text is no full ARN of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArn {
    /// Not `arn:…:secretsmanager:…:…:secret:…`.
    #[error("not the ARN of a secret: arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX")]
    Form,
    /// The name is not followed by a hyphen and six letters or digits: a partial ARN.
    #[error("a partial ARN: it lacks the hyphen and six characters that Secrets Manager adds to the name")]
    Partial,
    /// What stands before the suffix is no name.
    #[error("the ARN holds no valid name")]
    Name,
}

impl SecretArn {
    /// Takes a full ARN apart. The last hyphen and six characters are always the suffix, also where the name itself ends like one.
    ///
    /// # Errors
    /// [`InvalidArn`].
    pub fn parts(&self) -> Result<ArnParts, InvalidArn> {
        let fields: Vec<&str> = self.as_str().splitn(7, ':').collect();
        let &["arn", partition, "secretsmanager", region, account, "secret", resource] = fields.as_slice() else {
            return Err(InvalidArn::Form);
        };
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        if partition.is_empty() || region.is_empty() || !is_account {
            return Err(InvalidArn::Form);
        }
        let (name, suffix) = split_suffix(resource).ok_or(InvalidArn::Partial)?;
        Ok(ArnParts {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: SecretName::parse(name).map_err(|_| InvalidArn::Name)?,
            suffix: suffix.to_owned(),
        })
    }
}

impl SecretName {
    /// Whether the name ends in a hyphen and six letters or digits, like an ARN's suffix. Asked for such a name by a partial ARN,
    /// Secrets Manager may take the end for the suffix and look for another secret
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html>). So it is always asked by name or full ARN.
    #[must_use]
    pub fn ends_like_an_arn(&self) -> bool {
        split_suffix(self.as_str()).is_some()
    }
}

fn split_suffix(text: &str) -> Option<(&str, &str)> {
    let (name, suffix) = text.rsplit_once('-')?;
    (!name.is_empty() && suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())).then_some((name, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(arn: &str) -> Result<(String, String), InvalidArn> {
        SecretArn::new(arn).parts().map(|parts| (parts.name.to_string(), parts.suffix))
    }

    #[test]
    fn only_the_last_suffix_is_taken_off() {
        let arn = |resource: &str| format!("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:{resource}");
        assert_eq!(parts(&arn("a/b-Xy12Zz")), Ok(("a/b".into(), "Xy12Zz".into())));
        assert_eq!(parts(&arn("a/b-AbC123-Xy12Zz")), Ok(("a/b-AbC123".into(), "Xy12Zz".into())));
        assert_eq!(parts(&arn("a/b")), Err(InvalidArn::Partial));
        assert_eq!(parts("arn:aws:s3:::bucket"), Err(InvalidArn::Form));
        assert_eq!(parts("arn:aws:secretsmanager:eu-west-1:12:secret:a-Xy12Zz"), Err(InvalidArn::Form));
    }

    #[test]
    fn a_name_that_ends_like_an_arn_is_known() {
        assert!(SecretName::parse("orders-AbC123").unwrap().ends_like_an_arn());
        assert!(!SecretName::parse("orders-api").unwrap().ends_like_an_arn());
    }
}
