//! Exempt principals proved to exist: a fence that names a role which is not there, or without its path, lets nobody through.

use migrate_core::{
    aws_policy::{CallerPrincipal, Named, named, principal_of_caller},
    plan::Existence,
    ports::{PortError, PortErrorKind},
};

use crate::client::Client;

impl Client {
    /// Looks a principal up in IAM, by the name in its ARN (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>).
    pub(crate) async fn existence(&self, principal: &str) -> Existence {
        let found = match named(principal) {
            Named::Role(name) => self.role_arn(name).await,
            Named::User(name) => self.user_arn(name).await,
            Named::Account => return Existence::Exists,
            Named::Pattern => return Existence::Pattern,
            Named::Other => return Existence::NotLookedUp { why: "it is neither a role nor a user".to_owned() },
        };
        match found {
            Ok(Some(arn)) if arn == principal => Existence::Exists,
            Ok(Some(arn)) => Existence::Elsewhere { arn },
            Ok(None) => Existence::Absent,
            Err(error) => Existence::NotLookedUp { why: error.to_string() },
        }
    }

    /// The principal that a policy must name for this caller: with the path of its role, which only IAM knows.
    ///
    /// # Errors
    /// [`PortErrorKind::Misconfigured`] where IAM does not say it and the role is known to have one.
    pub(crate) async fn principal_behind(&self, caller_arn: &str) -> Result<String, PortError> {
        let (role, without_path) = match principal_of_caller(caller_arn) {
            CallerPrincipal::Arn(arn) => match named(&arn) {
                Named::Role(role) => (role.to_owned(), Some(arn)),
                _ => return Ok(arn),
            },
            CallerPrincipal::PathUnknown { role } => (role, None),
        };
        match (self.role_arn(&role).await, without_path) {
            (Ok(Some(arn)), _) => Ok(arn),
            (_, Some(arn)) => Ok(arn),
            (looked, None) => {
                let why = looked.err().map(|error| format!(" ({error})")).unwrap_or_default();
                let what = format!(
                    "the path of role {role} is not in the caller's ARN{why}: list its full ARN among the exempt principals"
                );
                Err(PortError::new(PortErrorKind::Misconfigured, "GetRole", "the exempt principals", what))
            }
        }
    }
}
